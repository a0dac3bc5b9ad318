//! Front door of the API server: it accepts connections, plays the faults, and hands each request to
//! `dispatch`. Nothing that answers a request depends on it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::auth;
use super::call::Listing;
use super::context::Server;
use super::dispatch;
use super::media;
use crate::FaultEffect;

/// The connection is to be broken.
#[derive(Debug, thiserror::Error)]
#[error("connection reset by a fault")]
struct Reset;

/// Accepts connections until the server is stopped.
pub(crate) async fn serve(listener: TcpListener, tls: TlsAcceptor, server: Arc<Server>) {
    let graceful = GracefulShutdown::new();
    loop {
        let (socket, peer) = tokio::select! {
            () = server.stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of files, most likely: give connections time to end.
                    tracing::warn!(%error, "the API server could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let _ = socket.set_nodelay(true);
        let (tls, server, watcher) = (tls.clone(), server.clone(), graceful.watcher());
        tokio::spawn(async move {
            let handshake = tokio::time::timeout(Duration::from_secs(10), tls.accept(socket));
            let Ok(Ok(stream)) = handshake.await else {
                return;
            };
            let certificate = stream
                .get_ref()
                .1
                .peer_certificates()
                .and_then(|chain| chain.first())
                .and_then(auth::certificate_user);
            let service = service_fn(move |request: Request<Incoming>| {
                let (server, certificate) = (server.clone(), certificate.clone());
                async move { answer(server, certificate, peer, request).await }
            });
            let mut builder = Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new());
            builder.http2().timer(TokioTimer::new()).max_concurrent_streams(250);
            let connection =
                builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, "a connection to the API server ended");
            }
        });
    }
    let _ = tokio::time::timeout(Duration::from_secs(2), graceful.shutdown()).await;
}

async fn answer(
    server: Arc<Server>,
    certificate: Option<auth::User>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Reset> {
    let options = server.cluster.options();
    let fault = options.faults.next(request.method().as_str(), request.uri().path(), Some(peer));
    match &fault {
        Some(FaultEffect::Status { code, retry_after_s }) => {
            return Ok(refusal(*code, *retry_after_s));
        }
        Some(FaultEffect::Slow(delay)) => options.clock.sleep(*delay).await,
        Some(FaultEffect::ResetBefore) => return Err(Reset),
        Some(FaultEffect::NotJson) => {
            let page = "<html><body><h1>It works!</h1></body></html>";
            return Ok(media::typed(StatusCode::OK, "text/html", page));
        }
        _ => {}
    }
    let listing = match fault {
        Some(FaultEffect::StaleList) => Listing::Stale,
        Some(FaultEffect::SmallPages) => Listing::SmallPages,
        _ => Listing::Plain,
    };
    let response = dispatch::dispatch(&server, certificate, request, listing).await;
    match fault {
        Some(FaultEffect::ResetAfter) => Err(Reset),
        Some(FaultEffect::KillAfter(pid)) => {
            server.cluster.options().faults.kill(pid);
            Err(Reset)
        }
        Some(FaultEffect::Truncate) => Ok(truncated(response).await),
        _ => Ok(response),
    }
}

fn refusal(code: u16, retry_after_s: Option<u64>) -> Response<Body> {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (reason, message) = match code {
        StatusCode::TOO_MANY_REQUESTS => {
            ("TooManyRequests", "Too many requests, please try again later.")
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            ("ServiceUnavailable", "the server is currently unable to handle the request")
        }
        _ => ("InternalError", "Internal error occurred: fault"),
    };
    let mut error = super::error::ApiError::new(code, reason, message);
    if let Some(seconds) = retry_after_s {
        error = error.with_details(serde_json::json!({"retryAfterSeconds": seconds}));
    }
    let mut response = media::json(code, &error.status());
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Sends half of the answer, then breaks the connection.
async fn truncated(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return Response::from_parts(parts, Body::empty());
    };
    parts.headers.remove(http::header::CONTENT_LENGTH);
    let half: Result<_, std::io::Error> = Ok(bytes.slice(..bytes.len() / 2));
    let first = futures::stream::once(async move { half });
    let last = futures::stream::once(async {
        // The half has to be on its way, or the reset takes it along.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    let body = Body::from_stream(futures::StreamExt::chain(first, last));
    Response::from_parts(parts, body)
}
