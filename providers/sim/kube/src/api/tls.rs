use std::sync::Arc;

use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::KubeError;

/// Sets up TLS with this leaf. A client may show a certificate; one that is shown must be of this
/// CA.
pub(crate) fn acceptor(
    cert_pem: &str,
    key_pem: &str,
    ca_pem: &str,
) -> Result<TlsAcceptor, KubeError> {
    let tls =
        |what: &str, error: &dyn std::fmt::Display| KubeError::Tls(format!("{what}: {error}"));
    let chain = certificates(cert_pem).map_err(|error| tls("certificate", &error))?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())
        .map_err(|error| tls("private key", &error))?;
    let mut roots = RootCertStore::empty();
    for ca in certificates(ca_pem).map_err(|error| tls("certificate authority", &error))? {
        roots.add(ca).map_err(|error| tls("certificate authority", &error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .map_err(|error| tls("client certificates", &error))?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| tls("protocol", &error))?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|error| tls("certificate", &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.map_err(|error| error.to_string())?;
    if found.is_empty() { Err("there is none in the PEM text".into()) } else { Ok(found) }
}
