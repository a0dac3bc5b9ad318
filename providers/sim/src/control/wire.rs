//! One HTTPS request at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;
use url::Url;

use crate::error::SimError;

/// A call that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(30);

fn failed(url: &Url, e: impl std::fmt::Display) -> SimError {
    SimError::Unreachable(format!("the embedded cloud at {url} does not answer: {e}"))
}

/// Makes a TLS configuration that trusts only the given authority.
///
/// # Errors
/// Returns an error if the PEM text holds no certificate.
pub fn trusting(ca_pem: &[u8]) -> Result<Arc<ClientConfig>, SimError> {
    let tls = |e: String| SimError::Tls(e);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem) {
        let certificate = certificate.map_err(|e| tls(e.to_string()))?;
        roots.add(certificate).map_err(|e| tls(e.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| tls(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Sends one request, with a token or as the URL itself allows; gives status and body.
///
/// # Errors
/// Returns an error if there is no answer.
pub async fn call(
    tls: &Arc<ClientConfig>,
    method: Method,
    url: &Url,
    token: Option<&str>,
    body: Option<Vec<u8>>,
) -> Result<(StatusCode, Bytes), SimError> {
    match tokio::time::timeout(TIMEOUT, exchange(tls, method, url, token, body)).await {
        Ok(result) => result,
        Err(_) => Err(failed(url, format!("no answer within {TIMEOUT:?}"))),
    }
}

async fn exchange(
    tls: &Arc<ClientConfig>,
    method: Method,
    url: &Url,
    token: Option<&str>,
    body: Option<Vec<u8>>,
) -> Result<(StatusCode, Bytes), SimError> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let name = ServerName::try_from(host.clone()).map_err(|e| failed(url, e))?;
    let tcp =
        tokio::net::TcpStream::connect((host.as_str(), port)).await.map_err(|e| failed(url, e))?;
    let stream =
        TlsConnector::from(tls.clone()).connect(name, tcp).await.map_err(|e| failed(url, e))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| failed(url, e))?;
    let connection = tokio::spawn(connection);
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, format!("{host}:{port}"))
        .header(ACCEPT, "application/json");
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
    }
    let request = request
        .body(Full::new(Bytes::from(body.unwrap_or_default())))
        .map_err(|e| failed(url, e))?;
    let response = sender.send_request(request).await.map_err(|e| failed(url, e))?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|e| failed(url, e))?.to_bytes();
    drop(sender);
    connection.abort();
    Ok((status, body))
}
