//! `portforward` over a WebSocket (`v4.channel.k8s.io`), as client libraries ask for it: each port
//! has a channel for data and one for its error, and both begin with the port's number.
//!
//! kubectl speaks SPDY here, which is not served. A pod in its node's own network (a static pod of a
//! control plane) is reached at what really listens there; every other container is simulated.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::{server::conn::http1, service::service_fn, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
};
use tokio_util::sync::CancellationToken;

use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::request::Target;
use crate::cloud::Cloud;
use crate::store::{name_of, namespace_of};

const PROTOCOL: &str = "v4.channel.k8s.io";
/// Bytes under way in one direction of one port.
const BUFFER: usize = 64 * 1024;

/// Opens the way to a simulated pod's ports.
pub(super) fn forward(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let pod = server
        .cluster
        .store()
        .get(&target.kind.resource(), target.ns(), target.name())
        .ok_or_else(|| ApiError::not_found(&target.kind, target.name()))?;
    let phase = pod["status"]["phase"].as_str().unwrap_or("Pending");
    if phase != "Running" {
        return Err(ApiError::bad_request(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        )));
    }
    super::kubelet::dial(server, &pod)?;
    let ports = ports(call)?;
    let accept = accept(&call.headers)?;
    let Some(upgrade) = call.upgrade() else {
        return Err(ApiError::bad_request("this connection cannot be upgraded"));
    };
    let (stop, cloud) = (server.stop.clone(), server.cluster.cloud().clone());
    tokio::spawn(async move {
        if let Err(error) = serve(upgrade, &pod, &ports, &*cloud, stop).await {
            tracing::debug!(%error, "a forwarded port ended");
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

fn ports(call: &Call) -> ApiResult<Vec<u16>> {
    let written = call.query.all("ports").flat_map(|list| list.split(','));
    let ports: Result<Vec<u16>, _> = written.map(str::parse).collect();
    match ports {
        Ok(ports) if !ports.is_empty() && !ports.contains(&0) => Ok(ports),
        Ok(_) => Err(ApiError::bad_request("query parameter \"ports\" is required")),
        Err(_) => Err(ApiError::bad_request("unable to parse a port in \"ports\"")),
    }
}

/// Makes the value that shows the client it is understood.
fn accept(headers: &HeaderMap) -> ApiResult<HeaderValue> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let upgrade = text(header::UPGRADE).unwrap_or_default();
    let protocols = text(header::SEC_WEBSOCKET_PROTOCOL).unwrap_or_default();
    let speaks = protocols.split(',').any(|protocol| protocol.trim() == PROTOCOL);
    let (true, true, Some(key)) =
        (upgrade.eq_ignore_ascii_case("websocket"), speaks, text(header::SEC_WEBSOCKET_KEY))
    else {
        return Err(ApiError::bad_request(format!(
            "the embedded cloud forwards ports over WebSockets ({PROTOCOL}) only, not over SPDY as kubectl does; `infra open` can"
        )));
    };
    HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|_| ApiError::bad_request("Sec-WebSocket-Key is no key"))
}

type Error = Box<dyn std::error::Error + Send + Sync>;

async fn serve(
    upgrade: OnUpgrade,
    pod: &Arc<Value>,
    ports: &[u16],
    cloud: &dyn Cloud,
    stop: CancellationToken,
) -> Result<(), Error> {
    let upgraded = TokioIo::new(upgrade.await?);
    let socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, None).await;
    let (mut sink, mut stream) = socket.split();
    let (from_pods, mut answers) = tokio::sync::mpsc::channel::<(u8, Bytes)>(4);
    let mut to_pods: Vec<Option<Box<dyn AsyncWrite + Send + Unpin>>> = Vec::new();
    for (number, port) in ports.iter().enumerate() {
        let channel = u8::try_from(2 * number)?;
        for channel in [channel, channel + 1] {
            sink.send(frame(channel, &port.to_le_bytes())).await?;
        }
        if let Some(real) = in_node_network(pod, *port, cloud).await {
            let (answer, request) = real.into_split();
            to_pods.push(Some(Box::new(request)));
            tokio::spawn(pump(channel, answer, from_pods.clone()));
            continue;
        }
        let Some(container) = listener(pod, *port) else {
            sink.send(frame(channel + 1, refused(pod, *port).as_bytes())).await?;
            to_pods.push(None);
            continue;
        };
        let (near, far) = tokio::io::duplex(BUFFER);
        let (answer, request) = tokio::io::split(near);
        to_pods.push(Some(Box::new(request)));
        tokio::spawn(pump(channel, answer, from_pods.clone()));
        tokio::spawn(page(far, said(pod, &container, *port)));
    }
    drop(from_pods);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            answer = answers.recv() => match answer {
                Some((channel, bytes)) => sink.send(frame(channel, &bytes)).await?,
                // Every container has closed its end.
                None => break,
            },
            message = stream.next() => match message.transpose()? {
                Some(Message::Binary(bytes)) => {
                    let Some((channel, data)) = bytes.split_first() else { continue };
                    let port = to_pods.get_mut(usize::from(channel / 2)).and_then(Option::as_mut);
                    if let Some(port) = port {
                        port.write_all(data).await?;
                    }
                }
                Some(Message::Close(_)) | None => break,
                Some(_) => {}
            },
        }
    }
    let _ = sink.send(Message::Close(None)).await;
    Ok(())
}

/// Connects to what really listens at a port of the pod's node.
async fn in_node_network(pod: &Value, port: u16, cloud: &dyn Cloud) -> Option<TcpStream> {
    if pod["spec"]["hostNetwork"] != true {
        return None;
    }
    let node = pod["spec"]["nodeName"].as_str()?;
    let socket = cloud.node_socket(node, port).await?;
    TcpStream::connect(socket).await.ok()
}

fn frame(channel: u8, data: &[u8]) -> Message {
    let mut bytes = Vec::with_capacity(data.len() + 1);
    bytes.push(channel);
    bytes.extend_from_slice(data);
    Message::binary(bytes)
}

/// Finds the container that says it listens there.
fn listener(pod: &Value, port: u16) -> Option<Value> {
    let containers = pod["spec"]["containers"].as_array()?;
    let listens = |container: &&Value| {
        let ports = container["ports"].as_array().into_iter().flatten();
        ports.filter_map(|p| p["containerPort"].as_u64()).any(|p| p == u64::from(port))
    };
    containers.iter().find(listens).cloned()
}

fn refused(pod: &Value, port: u16) -> String {
    let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
    format!(
        "error forwarding port {port} to pod {uid}: failed to connect to localhost:{port}: dial tcp4 127.0.0.1:{port}: connect: connection refused"
    )
}

fn said(pod: &Value, container: &Value, port: u16) -> String {
    format!(
        "the embedded cloud simulates container \"{}\" ({}) of pod {}/{}: this is all that port {port} answers\n",
        container["name"].as_str().unwrap_or_default(),
        container["image"].as_str().unwrap_or_default(),
        namespace_of(pod),
        name_of(pod)
    )
}

/// Passes on what a container sends, until it closes.
async fn pump(
    channel: u8,
    mut from: impl AsyncRead + Send + Unpin,
    to: tokio::sync::mpsc::Sender<(u8, Bytes)>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if to.send((channel, Bytes::copy_from_slice(&buffer[..length]))).await.is_err() {
            return;
        }
    }
}

/// Serves a page for every request on one connection.
async fn page(stream: DuplexStream, text: String) {
    let answer = service_fn(move |_: http::Request<hyper::body::Incoming>| {
        let mut response = Response::new(Body::from(text.clone()));
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await {
        tracing::debug!(%error, "a connection to a simulated container ended");
    }
}
