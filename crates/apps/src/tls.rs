//! Certificates of the hosts that Ingresses serve: which Secrets they stand in, and what those hold.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use infra_ssl::{CertificateFacts, certificate_facts};
use jiff::{Timestamp, tz::TimeZone};
use kube::{
    Api,
    api::DynamicObject,
    core::{ApiResource, GroupVersionKind},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AppsError, KubeClient, Suite, client::listed};

/// What cert-manager reads on an Ingress: with one of them it makes the Secret itself.
const OF_CERT_MANAGER: [&str; 2] = ["cert-manager.io/issuer", "cert-manager.io/cluster-issuer"];

/// A Secret that an Ingress names for TLS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TlsSecret {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for TlsSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Each Secret that Ingresses name for TLS, with its hosts.
pub type TlsSecrets = BTreeMap<TlsSecret, BTreeSet<String>>;

/// Returns the Secrets that the Ingresses of `suite` name for TLS and that nothing makes: neither the
/// suite itself, nor cert-manager because an annotation asks it to.
pub fn wanted_tls_secrets(suite: &Suite) -> TlsSecrets {
    let all = suite.objects();
    let ingresses = all.iter().filter(|object| is_ingress(&object.value));
    let annotated = |value: &Value| {
        let annotations = value.pointer("/metadata/annotations");
        OF_CERT_MANAGER.iter().any(|key| annotations.is_some_and(|all| all.get(key).is_some()))
    };
    let mut secrets = TlsSecrets::new();
    for ingress in ingresses.filter(|ingress| !annotated(&ingress.value)) {
        collect(&ingress.value, &mut secrets);
    }
    secrets.retain(|secret, _| {
        !all.iter().any(|object| {
            object.id.is_secret()
                && object.id.namespace.as_deref() == Some(secret.namespace.as_str())
                && object.id.name == secret.name
        })
    });
    secrets
}

/// Returns the Secrets that `ingresses` name for TLS.
pub(super) fn tls_secrets<'a>(ingresses: impl IntoIterator<Item = &'a Value>) -> TlsSecrets {
    let mut secrets = TlsSecrets::new();
    for ingress in ingresses.into_iter().filter(|object| is_ingress(object)) {
        collect(ingress, &mut secrets);
    }
    secrets
}

fn is_ingress(object: &Value) -> bool {
    let group = object["apiVersion"].as_str().unwrap_or_default();
    object["kind"] == "Ingress" && group.starts_with("networking.k8s.io/")
}

fn collect(ingress: &Value, secrets: &mut TlsSecrets) {
    let items =
        |pointer: &str| ingress.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let namespace = ingress.pointer("/metadata/namespace").and_then(Value::as_str);
    for tls in items("/spec/tls") {
        let Some(name) = tls["secretName"].as_str().filter(|name| !name.is_empty()) else {
            continue;
        };
        let secret = TlsSecret {
            namespace: namespace.unwrap_or("default").to_owned(),
            name: name.to_owned(),
        };
        let named = tls["hosts"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut hosts: BTreeSet<String> = named.map(str::to_ascii_lowercase).collect();
        if hosts.is_empty() {
            // Without hosts the entry is about all that the rules name.
            let ruled = items("/spec/rules").filter_map(|rule| rule["host"].as_str());
            hosts.extend(ruled.map(str::to_ascii_lowercase));
        }
        if !hosts.is_empty() {
            secrets.entry(secret).or_default().extend(hosts);
        }
    }
}

/// The certificate of one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCertificate {
    /// The host.
    pub host: String,
    /// The Secret that the Ingress names: `namespace/name`.
    pub secret: String,
    /// Who issued the certificate; empty without one.
    pub issuer: String,
    /// When it begins.
    pub not_before: Option<Timestamp>,
    /// When it ends.
    pub not_after: Option<Timestamp>,
    /// Whole days until then, negative when past.
    pub days_left: Option<i64>,
    /// `valid`, or what is wrong with it.
    pub state: String,
}

impl HostCertificate {
    /// Returns the columns of a table: host, issuer, end, days left, state.
    pub fn row(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        let end = self.not_after.map(|at| at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d"));
        vec![
            self.host.clone(),
            if self.issuer.is_empty() { dash() } else { self.issuer.clone() },
            end.map_or_else(dash, |end| end.to_string()),
            self.days_left.map_or_else(dash, |days| days.to_string()),
            self.state.clone(),
        ]
    }
}

/// Reads the certificate of every host that an Ingress in the cluster serves with TLS.
///
/// # Errors
/// Returns an error if the Ingresses or their Secrets cannot be read.
pub async fn all_host_certificates(client: &KubeClient) -> Result<Vec<HostCertificate>, AppsError> {
    let ingresses = listed(client, "networking.k8s.io/v1", "Ingress").await?;
    host_certificates(client, &tls_secrets(&ingresses)).await
}

/// Reads the certificate of each host from the Secret that it stands in.
pub(super) async fn host_certificates(
    client: &KubeClient,
    secrets: &TlsSecrets,
) -> Result<Vec<HostCertificate>, AppsError> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Secret"));
    let now = Timestamp::now();
    let reads = secrets.iter().map(|(secret, hosts)| {
        let kind = &kind;
        async move {
            let api: Api<DynamicObject> =
                Api::namespaced_with(client.raw().clone(), &secret.namespace, kind);
            let operation = format!("read Secret/{secret}");
            let found = client.call(&operation, || api.get_opt(&secret.name)).await?;
            let text = found.as_ref().map(|found| certificate_of(&found.data));
            let judged = hosts.iter().map(|host| judge(host, secret, text.as_ref(), now));
            Ok::<_, AppsError>(judged.collect::<Vec<_>>())
        }
    });
    let mut all: Vec<HostCertificate> =
        futures::future::try_join_all(reads).await?.into_iter().flatten().collect();
    all.sort_by(|a, b| (&a.host, &a.secret).cmp(&(&b.host, &b.secret)));
    Ok(all)
}

/// Returns what the certificate in a Secret says; `None` if there is none that can be read.
fn certificate_of(secret: &Value) -> Option<CertificateFacts> {
    let encoded = secret.pointer("/data/tls.crt")?.as_str()?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    certificate_facts(&text).ok()
}

fn judge(
    host: &str,
    secret: &TlsSecret,
    found: Option<&Option<CertificateFacts>>,
    now: Timestamp,
) -> HostCertificate {
    let mut judged = HostCertificate {
        host: host.to_owned(),
        secret: secret.to_string(),
        issuer: String::new(),
        not_before: None,
        not_after: None,
        days_left: None,
        state: String::new(),
    };
    let facts = match found {
        None => {
            judged.state = format!("missing: there is no Secret {secret}");
            return judged;
        }
        Some(None) => {
            judged.state = format!("missing: the Secret {secret} holds no certificate");
            return judged;
        }
        Some(Some(facts)) => facts,
    };
    judged.issuer.clone_from(&facts.issuer);
    judged.not_before = Some(facts.not_before);
    judged.not_after = Some(facts.not_after);
    let left = facts.not_after.duration_since(now).as_secs();
    judged.days_left = Some(left.div_euclid(infra_ssl::DAY_SECONDS));
    judged.state = if now >= facts.not_after {
        "expired".to_owned()
    } else if now < facts.not_before {
        "not yet valid".to_owned()
    } else if !facts.names.covers(host) {
        format!("wrong host: it is for {}", facts.names.texts().join(", "))
    } else {
        "valid".to_owned()
    };
    judged
}
