//! TLS at an ingress controller: which certificate a visitor gets, as Traefik's documents have it.
//!
//! The names in the certificates decide, of all Secrets that served Ingresses name; whoever asks for
//! another name gets a self-signed certificate, "TRAEFIK DEFAULT CERT".

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use infra_sim_kube::{Resource, Store, ingress::IngressController};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// After an accept that failed (no file descriptors), so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a visitor may take for the handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
/// What a visitor gets for whose name there is no certificate.
static DEFAULT: LazyLock<Option<Arc<CertifiedKey>>> = LazyLock::new(|| self_signed().ok());

/// A node port of a Service: what answers there is known when somebody comes, for its pods change.
#[derive(Clone)]
pub struct Door {
    store: Store,
    service: String,
    node_port: u16,
}

impl Door {
    pub fn new(store: Store, service: String, node_port: u16) -> Self {
        Self { store, service, node_port }
    }

    /// Returns what ends TLS here; `None` where plain HTTP is spoken.
    fn tls(&self) -> Option<TlsAcceptor> {
        let controller =
            super::ingress::tls_controller(&self.store, &self.service, self.node_port)?;
        let chooser = Chooser { store: self.store.clone(), controller };
        let mut config = ServerConfig::builder_with_provider(PROVIDER.clone())
            .with_safe_default_protocol_versions()
            .ok()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(chooser));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Some(TlsAcceptor::from(Arc::new(config)))
    }
}

/// Serves a router at a node port until `stop`.
pub async fn serve(listener: TcpListener, door: Door, router: Router, stop: CancellationToken) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(e) => {
                    tracing::warn!("node port: accept: {e}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let (door, router, stop) = (door.clone(), router.clone(), stop.clone());
        tokio::spawn(async move {
            stop.run_until_cancelled(visit(stream, &door, router)).await;
        });
    }
}

async fn visit(stream: TcpStream, door: &Door, router: Router) {
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = door.tls() else {
        return speak(stream, router).await;
    };
    match tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => speak(stream, router).await,
        Ok(Err(e)) => tracing::debug!("ingress: {e}"),
        Err(_) => tracing::debug!("ingress: no handshake"),
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, router: Router) {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let router = router.clone();
        async move {
            let answer: Result<_, Infallible> = router.oneshot(request.map(Body::new)).await;
            answer
        }
    });
    let served = Builder::new(TokioExecutor::new())
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
    if let Err(e) = served {
        tracing::debug!("node port: {e}");
    }
}

/// Chooses the certificate of a visitor.
struct Chooser {
    store: Store,
    controller: IngressController,
}

impl std::fmt::Debug for Chooser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chooser").field("controller", &self.controller).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Chooser {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().unwrap_or_default().to_ascii_lowercase();
        let secrets = named_secrets(&self.controller.served(&self.store));
        let kind = Resource::new("", "v1", "secrets");
        let contents = secrets
            .iter()
            .filter_map(|(namespace, name)| self.store.get(&kind, Some(namespace), name));
        let best = contents
            .filter_map(|secret| Some((best_fit(&secret, &name)?, secret)))
            .max_by_key(|(fit, _)| *fit);
        best.and_then(|(_, secret)| key_of(&secret)).or_else(|| DEFAULT.clone())
    }
}

fn items<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    object.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// Returns namespace and name of each Secret that Ingresses name for TLS.
fn named_secrets(ingresses: &[Arc<Value>]) -> BTreeSet<(String, String)> {
    let mut named = BTreeSet::new();
    for ingress in ingresses {
        let namespace = ingress["metadata"]["namespace"].as_str().unwrap_or_default();
        for name in items(ingress, "/spec/tls").filter_map(|tls| tls["secretName"].as_str()) {
            named.insert((namespace.to_owned(), name.to_owned()));
        }
    }
    named
}

fn data(secret: &Value, key: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret["data"][key].as_str()?).ok()
}

/// Returns how well the certificate of a Secret fits a name: 2 exactly, 1 by a wildcard.
fn best_fit(secret: &Value, name: &str) -> Option<u8> {
    let der = CertificateDer::from_pem_slice(&data(secret, "tls.crt")?).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let fit = |own: &GeneralName<'_>| {
        let GeneralName::DNSName(own) = own else { return None };
        let own = own.to_ascii_lowercase();
        if own == name {
            return Some(2);
        }
        let (label, domain) = name.split_once('.')?;
        (!label.is_empty() && own.strip_prefix("*.") == Some(domain)).then_some(1)
    };
    names.value.general_names.iter().filter_map(fit).max()
}

fn key_of(secret: &Value) -> Option<Arc<CertifiedKey>> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&data(secret, "tls.crt")?).collect::<Result<_, _>>().ok()?;
    let key = PrivateKeyDer::from_pem_slice(&data(secret, "tls.key")?).ok()?;
    CertifiedKey::from_der(chain, key, &PROVIDER).ok().map(Arc::new)
}

fn self_signed() -> Result<Arc<CertifiedKey>, Box<dyn std::error::Error>> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["default.traefik.invalid".to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "TRAEFIK DEFAULT CERT");
    let certificate = params.self_signed(&key)?;
    let der = PrivateKeyDer::try_from(key.serialize_der())?;
    let chain = vec![certificate.der().clone()];
    Ok(Arc::new(CertifiedKey::from_der(chain, der, &PROVIDER)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(names: &[&str]) -> Value {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        json!({"data": {"tls.crt": STANDARD.encode(certificate.pem()),
                        "tls.key": STANDARD.encode(key.serialize_pem())}})
    }

    #[test]
    fn the_names_in_the_certificate_decide() {
        let one = secret(&["*.example.com", "shop.test"]);
        for (name, fit) in [
            ("a.example.com", Some(1)),
            ("a.b.example.com", None),
            ("example.com", None),
            ("shop.test", Some(2)),
            ("", None),
        ] {
            assert_eq!(best_fit(&one, name), fit, "{name}");
        }
        assert!(key_of(&one).is_some());
        assert_eq!(best_fit(&json!({"data": {"tls.crt": "AAAA"}}), "shop.test"), None);
    }

    #[test]
    fn a_key_of_another_certificate_is_not_used() {
        let mut one = secret(&["shop.test"]);
        one["data"]["tls.key"] = secret(&["shop.test"])["data"]["tls.key"].clone();
        assert!(key_of(&one).is_none());
    }

    #[test]
    fn there_is_always_a_certificate() {
        assert!(DEFAULT.is_some());
    }
}
