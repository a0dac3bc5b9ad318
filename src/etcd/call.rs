//! One call to etcd's JSON gateway over a stream that leads to its client port.

use std::sync::Arc;

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use infra_provider_api::Call;
use rustls::{ClientConfig, pki_types::ServerName};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

/// More than any list of members has.
const ANSWER_MAX: usize = 1024 * 1024;

/// The ends of paths by which nothing is changed, although everything is a POST.
const READS: [&str; 4] = ["/list", "/range", "/status", "/alarm"];

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CallError {
    /// Nobody answered.
    Unreached(String),
    /// etcd refuses, in its words.
    Refused { status: StatusCode, message: String },
}

/// Posts `body` to `path`.
///
/// # Errors
/// Returns a [`CallError`].
pub(super) async fn post<S>(
    stream: S,
    tls: Arc<ClientConfig>,
    path: &str,
    body: &Value,
) -> Result<Vec<u8>, CallError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let unreached = |error: &dyn std::fmt::Display| CallError::Unreached(error.to_string());
    // kubeadm's certificates for etcd carry this name, and the stream ends on the machine itself.
    let name = ServerName::try_from("localhost").map_err(|error| unreached(&error))?;
    let stream =
        TlsConnector::from(tls).connect(name, stream).await.map_err(|error| unreached(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreached(&error))?;
    let driven = tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, "localhost:2379")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(bytes::Bytes::from(body.to_string())))
        .map_err(|error| unreached(&error))?;
    let call = Call::begin("etcd", "POST", path, !READS.iter().any(|end| path.ends_with(end)));
    let answer = async {
        let response = match sender.send_request(request).await {
            Ok(response) => response,
            Err(error) => {
                call.unanswered("no answer");
                return Err(unreached(&error));
            }
        };
        let status = response.status();
        call.answered(status.as_u16(), None);
        let body = Limited::new(response.into_body(), ANSWER_MAX);
        let body = body.collect().await.map_err(|error| unreached(&error))?.to_bytes();
        Ok((status, body))
    }
    .await;
    driven.abort();
    let (status, body) = answer?;
    if status.is_success() {
        return Ok(body.to_vec());
    }
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    let message = told["message"].as_str().or(told["error"].as_str()).map(str::to_owned);
    Err(CallError::Refused { status, message: message.unwrap_or_else(|| status.to_string()) })
}
