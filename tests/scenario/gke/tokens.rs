//! kubectl runs for longer than a token lives.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::bare;
use crate::lab::{Kubectl, Watched, visit_at};

const DEADLINE: Duration = Duration::from_secs(60);

/// Gives `token`, for two seconds each time, to whoever asks; returns where, and counts.
fn token_server(token: &str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let given = Arc::new(AtomicUsize::new(0));
    let (counted, token) = (Arc::clone(&given), token.to_owned());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 8_192];
            let _ = stream.read(&mut request);
            counted.fetch_add(1, Ordering::SeqCst);
            let body = json!({"access_token": token, "expires_in": 2}).to_string();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    (url, given)
}

#[test]
fn kubectl_gets_a_new_token_when_its_own_has_ended() {
    let lab = bare();
    lab.run(&["apply", "--yes"]).ok();
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };
    let credential: Value = serde_json::from_str(&lab.run(&["kube-token"]).ok().stdout).unwrap();
    let (url, given) = token_server(credential["status"]["token"].as_str().unwrap());

    // As away from the embedded cloud: the key of a service account, which infra exchanges for tokens.
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let file = json!({
        "type": "service_account", "client_email": "ci@p.iam.gserviceaccount.com", "private_key_id": "k1",
        "private_key": key.serialize_pem(), "project_id": "p", "token_uri": url,
    });
    lab.write("key.json", &file.to_string());
    let kubeconfig = lab.read("ssl/lab/kubeconfig");
    let real: Vec<&str> = kubeconfig
        .lines()
        .filter(|line| !line.contains("--sim") && !line.contains("--state-dir"))
        .filter(|line| !line.trim().starts_with("- /"))
        .collect();
    assert!(real.len() + 3 == kubeconfig.lines().count(), "{kubeconfig}");
    lab.write("real.yaml", &real.join("\n"));

    let kubectl = Kubectl::at(&lab, &lab.file("real.yaml")).unwrap_or(kubectl);
    let mut proxy: Command = kubectl.command(&["proxy", "--port", "0"]);
    proxy.env("GOOGLE_APPLICATION_CREDENTIALS", lab.file("key.json"));
    let mut proxy = Watched::start(proxy);
    assert!(proxy.until_says("Starting to serve on "), "{}", proxy.wait());
    let said = proxy.stdout().to_owned();
    let address = said.trim().rsplit(' ').next().unwrap();
    let (begun, mut answers) = (Instant::now(), 0);
    while given.load(Ordering::SeqCst) < 3 {
        let (status, body) = visit_at(address, "localhost", "/api/v1/nodes");
        assert!(status.contains(" 200 "), "{status} {body}");
        answers += 1;
        assert!(begun.elapsed() < DEADLINE, "{answers} answers, {given:?} tokens");
    }
    assert!(answers > 2);
    proxy.kill();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
