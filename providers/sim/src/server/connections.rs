//! Accepting TLS connections and speaking HTTP/1.1 or HTTP/2 on them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::api::Cut;

/// Connections get this long to end by themselves when the server stops.
const GRACE: Duration = Duration::from_secs(2);
/// After an accept that failed (no file descriptors), so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The other end of a request's connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Serves a router over TLS until `stop`. A response marked [`Cut`] breaks its connection off.
pub async fn serve_http(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    stop: CancellationToken,
) {
    serve(listener, Some(TlsAcceptor::from(tls)), router, stop).await;
}

/// Serves a router as [`serve_http`] does, without TLS.
pub async fn serve_plain_http(listener: TcpListener, router: Router, stop: CancellationToken) {
    serve(listener, None, router, stop).await;
}

async fn serve(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
) {
    let tracker = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(e) => {
                    tracing::warn!("accept: {e}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let connection = connection(stream, peer, acceptor.clone(), router.clone(), stop.clone());
        tracker.spawn(connection);
    }
    drop(listener);
    tracker.close();
    let _ = tokio::time::timeout(GRACE, tracker.wait()).await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    match acceptor {
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                speak(stream, peer, router, stop).await;
            }
        }
        None => speak(stream, peer, router, stop).await,
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let router = router.clone();
        async move { answer(router, request).await }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    // Tests kill and restart: no half-open connection should be waited for.
    builder.http2().max_concurrent_streams(512);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => {
            if let Err(e) = result {
                tracing::debug!("connection: {e}");
            }
        }
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn answer(
    router: Router,
    request: http::Request<Incoming>,
) -> Result<http::Response<Body>, std::io::Error> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let begun = std::time::Instant::now();
    let response = match router.oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => {
            let never: Infallible = never;
            match never {}
        }
    };
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    if method.is_safe() {
        tracing::debug!(%method, path, status, took_ms, "answered");
    } else {
        tracing::info!(%method, path, status, took_ms, "answered");
    }
    if response.extensions().get::<Cut>().is_some() {
        return Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    }
    Ok(response)
}
