//! Ports that lead to a Service's pods.

use infra_apps::{AppsError, Forward, ForwardTo, Suite};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

use crate::lab::{Folder, Lab, deployment, small};

fn to(service: &str, port: Option<u16>) -> ForwardTo {
    ForwardTo { namespace: "shop".to_owned(), service: service.to_owned(), port }
}

/// The small suite, its pods with a named port that the Service leads to.
fn with_port() -> Folder {
    let folder = small();
    let web = deployment("web", "nginx:${TAG}", "{}");
    folder
        .file(
            "base/web.yaml",
            &format!("{web}          ports: [{{ name: http, containerPort: 8080 }}]\n"),
        )
        .file(
            "base/service.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: { name: web, namespace: shop }\n\
             spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: http }] }\n\
             ---\napiVersion: v1\nkind: Service\nmetadata: { name: wrong, namespace: shop }\n\
             spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 81 }] }\n\
             ---\napiVersion: v1\nkind: Service\nmetadata: { name: nobody, namespace: shop }\n\
             spec: { selector: { app: nobody }, ports: [{ port: 80 }] }\n",
        );
    folder
}

async fn get(at: std::net::SocketAddr) -> String {
    let mut socket = TcpStream::connect(at).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    // A connection that is broken off has no answer.
    let _ = socket.read_to_string(&mut text).await;
    text
}

#[tokio::test]
async fn a_port_leads_to_a_ready_pod_and_follows_it() {
    let (lab, folder) = (Lab::new().await, with_port());
    lab.apply(&folder.load()).await;
    let forward = Forward::listen(&lab.client, to("web", None), 0).await.unwrap();
    let at = forward.local();
    assert!(at.ip().is_loopback());
    let (first, port) = forward.first();
    assert!(first.starts_with("web-"));
    assert_eq!(port, 8080);
    let stop = CancellationToken::new();
    let running = tokio::spawn(forward.run(stop.clone(), |message| panic!("{message}")));
    let answers = futures::future::join_all((0..5).map(|_| get(at))).await;
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.contains("of pod shop/web-") && answer.contains("nginx:1.2.3"), "{answer}");
    }
    // Other pods, the same port here.
    let mut source = folder.source();
    source.variables.insert("TAG".to_owned(), "1.3.0".to_owned());
    lab.apply(&Suite::load(&source).unwrap()).await;
    assert!(get(at).await.contains("nginx:1.3.0"));
    stop.cancel();
    running.await.unwrap().unwrap();
    assert!(TcpStream::connect(at).await.is_err());
}

#[tokio::test]
async fn what_leads_nowhere_is_told() {
    let (lab, folder) = (Lab::new().await, with_port());
    lab.apply(&folder.load()).await;
    let mut said = Vec::new();
    for (service, port) in [("none", None), ("nobody", None), ("web", Some(81))] {
        match Forward::listen(&lab.client, to(service, port), 0).await {
            Err(error @ AppsError::Service { .. }) => {
                said.push(format!("{error}; {}", error.hints().join("; ")));
            }
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("{service} must lead nowhere"),
        }
    }
    insta::assert_snapshot!(said.join("\n"));
    // Nobody listens on that port of the pod.
    let forward = Forward::listen(&lab.client, to("wrong", None), 0).await.unwrap();
    let at = forward.local();
    let (hears, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let report = move |message| drop(hears.send(message));
    tokio::spawn(forward.run(stop.clone(), report));
    assert_eq!(get(at).await, "");
    let message = heard.recv().await.unwrap();
    assert!(message.contains("connection refused"), "{message}");
    stop.cancel();
    // A port that is taken.
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Forward::listen(&lab.client, to("web", None), port).await.err().unwrap();
    assert!(matches!(error, AppsError::Port { .. }), "{error}");
}
