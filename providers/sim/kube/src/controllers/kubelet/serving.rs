//! The certificates that kubelets serve with: each asks for its own (`serverTLSBootstrap`), takes up what
//! is signed, and asks again when its addresses change, when it was refused, and before the end.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use serde_json::{Value, json};

use crate::controllers::annotations::{ASKS, SERVING};
use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{CERTIFICATE_SIGNING_REQUESTS, NODES};
use crate::controllers::names;
use crate::controllers::node::kubelet_runs;
use crate::controllers::object::{ObjectExt, set_annotation};

const NAME: &str = "kubelet-serving-certificates";
/// The signer of these certificates.
pub const SIGNER: &str = "kubernetes.io/kubelet-serving";
/// How long a kubelet waits for an answer before it asks again.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long it waits after a refusal.
const BACKOFF: Duration = Duration::from_secs(10);
/// How often it looks at the end of its certificate.
const LOOK_MIN: Duration = Duration::from_secs(1);
const LOOK_MAX: Duration = Duration::from_secs(6 * 3600);
/// The part of a certificate's life after which it asks for the next one.
const RENEW: f64 = 0.8;

/// The serving certificates of all kubelets.
#[derive(Default)]
pub struct ServingCertificates {
    asked: Mutex<HashMap<String, Asked>>,
}

/// What a kubelet has asked for.
#[derive(Clone)]
struct Asked {
    request: String,
    at: Timestamp,
    names: BTreeSet<String>,
}

#[async_trait]
impl Controller for ServingCertificates {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, _: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&NODES) {
            if change.deleted {
                lock(&self.asked).remove(change.object.uid());
            } else if change.differs("/status/addresses") || change.differs("/metadata/annotations")
            {
                out.push(change.key.clone());
            }
        } else if change.is(&CERTIFICATE_SIGNING_REQUESTS) {
            let user = change.object.str_at("/spec/username");
            out.extend(user.strip_prefix("system:node:").map(|node| Key::new(&NODES, "", node)));
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(node) = ctx.get(key) else { return Ok(Next::Done) };
        let names = addresses(&node);
        if node.annotation(ASKS).is_none() || !kubelet_runs(&node) || names.is_empty() {
            return Ok(Next::Done);
        }
        let asked = lock(&self.asked).get(node.uid()).cloned();
        if let Some(asked) = asked.filter(|asked| asked.names == names) {
            match self.follow(ctx, &node, &asked)? {
                Some(next) => return Ok(next),
                None => lock(&self.asked).remove(node.uid()),
            };
        }
        let serving = ctx.get(key).and_then(|node| Serving::of(&node));
        if let Some(serving) = serving.filter(|serving| names.is_subset(&serving.names)) {
            let left = serving.renew_at.duration_since(ctx.now());
            if let Ok(left) = Duration::try_from(left) {
                return Ok(Next::After(left.clamp(LOOK_MIN, LOOK_MAX)));
            }
        }
        self.ask(ctx, &node, names)?;
        Ok(Next::After(PATIENCE))
    }
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ServingCertificates {
    /// Follows a request; `None` once nothing more is to be expected of it.
    fn follow(
        &self,
        ctx: &Ctx,
        node: &Value,
        asked: &Asked,
    ) -> Result<Option<Next>, ControllerError> {
        let Some(request) = ctx.find(&CERTIFICATE_SIGNING_REQUESTS, "", &asked.request) else {
            return Ok(None);
        };
        let has = |kind: &str| request.condition(kind).is_some();
        if has("Denied") || has("Failed") {
            return Ok(ctx.left(asked.at, BACKOFF).map(Next::After));
        }
        let certificate =
            STANDARD.decode(request.str_at("/status/certificate")).unwrap_or_default();
        match String::from_utf8(certificate) {
            Ok(pem) if !pem.is_empty() => {
                ctx.modify(&NODES, node, |n| set_annotation(n, SERVING, &pem))?;
                Ok(None)
            }
            _ => Ok(ctx.left(asked.at, PATIENCE).map(Next::After)),
        }
    }

    fn ask(&self, ctx: &Ctx, node: &Value, names: BTreeSet<String>) -> Result<(), ControllerError> {
        let pem = request(node.name(), &names).map_err(ControllerError::Invalid)?;
        let user = format!("system:node:{}", node.name());
        let request = names::generate("csr-");
        let csr = json!({
            "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"name": request, "generateName": "csr-"},
            "spec": {"signerName": SIGNER, "request": STANDARD.encode(pem), "username": user,
                "groups": ["system:nodes", "system:authenticated"],
                "usages": ["digital signature", "server auth"]},
            "status": {},
        });
        lock(&self.asked).insert(node.uid().to_owned(), Asked { request, at: ctx.now(), names });
        ctx.create(&CERTIFICATE_SIGNING_REQUESTS, csr)?;
        Ok(())
    }
}

/// Returns the names and addresses that a Node has, as its kubelet asks for them.
fn addresses(node: &Value) -> BTreeSet<String> {
    let all = node.list_at("/status/addresses").iter();
    all.map(|one| one.str_at("/address").to_owned()).filter(|one| !one.is_empty()).collect()
}

fn request(node: &str, names: &BTreeSet<String>) -> Result<String, String> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
    params.distinguished_name.push(DnType::CommonName, format!("system:node:{node}"));
    for name in names {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) => {
                SanType::DnsName(name.as_str().try_into().map_err(|e| format!("{name}: {e}"))?)
            }
        });
    }
    let made = KeyPair::generate().and_then(|key| params.serialize_request(&key)?.pem());
    made.map_err(|e| e.to_string())
}

/// A certificate that a kubelet serves with.
pub struct Serving {
    /// The names and addresses in it.
    pub names: BTreeSet<String>,
    /// When it ends.
    pub not_after: Timestamp,
    /// When the kubelet asks for the next one.
    pub renew_at: Timestamp,
}

impl Serving {
    /// Reads the certificate that the kubelet of a Node serves with.
    pub fn of(node: &Value) -> Option<Self> {
        use x509_parser::extensions::GeneralName;
        let (_, pem) =
            x509_parser::pem::parse_x509_pem(node.annotation(SERVING)?.as_bytes()).ok()?;
        let cert = pem.parse_x509().ok()?;
        let san = cert.subject_alternative_name().ok()??;
        let name = |name: &GeneralName<'_>| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(raw) => match <[u8; 4]>::try_from(*raw) {
                Ok(v4) => Some(IpAddr::from(v4).to_string()),
                Err(_) => <[u8; 16]>::try_from(*raw).ok().map(|v6| IpAddr::from(v6).to_string()),
            },
            _ => None,
        };
        let (begin, end) = (cert.validity().not_before, cert.validity().not_after);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "some years"
        )]
        let life = ((end.timestamp() - begin.timestamp()) as f64 * RENEW) as i64;
        Some(Self {
            names: san.value.general_names.iter().filter_map(name).collect(),
            not_after: Timestamp::from_second(end.timestamp()).ok()?,
            renew_at: Timestamp::from_second(begin.timestamp() + life).ok()?,
        })
    }
}
