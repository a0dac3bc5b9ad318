//! One HTTPS request at a time, for tools that live for milliseconds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

/// A server: the socket to connect to, the name its certificate must carry, and how to check it.
#[derive(Clone)]
pub struct Target {
    /// The real socket.
    pub address: SocketAddr,
    /// `host:port` as the caller knows it.
    pub authority: String,
    /// How its certificate is checked, and the client's own.
    pub tls: Arc<ClientConfig>,
}

/// Makes a TLS configuration that trusts only the given authorities (PEM). It takes an optional
/// client certificate and key (PEM).
///
/// # Errors
/// Returns an error if the PEM texts hold no certificate or key.
pub fn trusting(ca_pem: &str, client: Option<(&str, &str)>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        let certificate = certificate.map_err(|e| format!("certificate authority: {e}"))?;
        roots.add(certificate).map_err(|e| format!("certificate authority: {e}"))?;
    }
    if roots.is_empty() {
        return Err("no certificate authority in the PEM file".to_owned());
    }
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate.as_bytes())
                .collect::<Result<_, _>>()
                .map_err(|e| format!("client certificate: {e}"))?;
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
                .map_err(|e| format!("client key: {e}"))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| e.to_string())?
        }
    };
    Ok(Arc::new(config))
}

/// Makes a TLS configuration that trusts anyone, only for the first look at `cluster-info`. The
/// token's signature and the pinned key then prove the content, as in kubeadm.
///
/// # Errors
/// Returns an error if the TLS library has no protocol version.
pub fn trusting_anyone() -> Result<Arc<ClientConfig>, String> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(provider())))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Sends one request on a connection of its own; answers status and body.
///
/// # Errors
/// Returns a sentence that says what failed while connecting, in TLS, or in HTTP.
pub async fn call(
    target: &Target,
    method: Method,
    path: &str,
    bearer: Option<&str>,
    body: Option<&serde_json::Value>,
    timeout: Duration,
) -> Result<(StatusCode, Bytes), String> {
    let exchange = exchange(target, method, path, bearer, body);
    match tokio::time::timeout(timeout, exchange).await {
        Ok(result) => result,
        Err(_) => Err(format!("no answer from {} within {timeout:?}", target.authority)),
    }
}

async fn exchange(
    target: &Target,
    method: Method,
    path: &str,
    bearer: Option<&str>,
    body: Option<&serde_json::Value>,
) -> Result<(StatusCode, Bytes), String> {
    let host = target
        .authority
        .rsplit_once(':')
        .map_or(target.authority.as_str(), |(host, _)| host)
        .trim_matches(['[', ']'])
        .to_owned();
    let name = ServerName::try_from(host).map_err(|e| format!("{}: {e}", target.authority))?;
    let tcp = tokio::net::TcpStream::connect(target.address)
        .await
        .map_err(|e| format!("dial tcp {}: {e}", target.authority))?;
    let tls = TlsConnector::from(target.tls.clone())
        .connect(name, tcp)
        .await
        .map_err(|e| format!("{}: tls: {e}", target.authority))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
        .await
        .map_err(|e| format!("{}: {e}", target.authority))?;
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(http::header::HOST, &target.authority)
        .header(http::header::ACCEPT, "application/json");
    if let Some(token) = bearer {
        request = request.header(http::header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let bytes = match body {
        None => Bytes::new(),
        Some(value) => {
            request = request.header(http::header::CONTENT_TYPE, "application/json");
            Bytes::from(value.to_string())
        }
    };
    let request = request.body(Full::new(bytes)).map_err(|e| e.to_string())?;
    let failed = |e: hyper::Error| format!("{}: {e}", target.authority);
    let response = sender.send_request(request).await.map_err(failed)?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(failed)?.to_bytes();
    Ok((status, body))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
