//! `Certificate`, cert-manager's object: it asks an ACME server for the certificate, keeps the key in the
//! Secret, and renews it.

use std::collections::BTreeMap;

use infra_provider_api::{CloudError, Owner, Readiness};
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};

use super::{
    kube_access::of_kube,
    site_certificate::{SiteCertificateSpec, SiteIssuer},
    site_secret,
};
use crate::apps::{FIELD_MANAGER, TlsSecret};

/// The ClusterIssuer that the addon makes.
const ISSUER: &str = "infra";

fn kind(group: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", kind), plural)
}

pub(super) fn certificates() -> ApiResource {
    kind("cert-manager.io", "Certificate", "certificates")
}

pub(super) fn orders() -> ApiResource {
    kind("acme.cert-manager.io", "Order", "orders")
}

pub(super) fn challenges() -> ApiResource {
    kind("acme.cert-manager.io", "Challenge", "challenges")
}

/// Returns true for what comes from the addon's issuer.
pub(super) fn is_of_issuer(object: &DynamicObject) -> bool {
    let issuer = &object.data["spec"]["issuerRef"];
    issuer["kind"] == "ClusterIssuer" && issuer["name"] == ISSUER
}

/// One Certificate that this cluster's `infra` has made.
pub(super) struct AcmeCertificate {
    pub(super) place: TlsSecret,
    pub(super) environment: Option<String>,
    hosts: Vec<String>,
    /// Whether it is ready, and why not.
    pub(super) readiness: Readiness,
    pub(super) not_after: Option<String>,
}

impl AcmeCertificate {
    fn read(object: &DynamicObject, challenges: &[DynamicObject]) -> Option<Self> {
        let labels = object.metadata.labels.as_ref()?;
        let namespace = object.metadata.namespace.clone()?;
        let list = object.data.pointer("/spec/dnsNames").and_then(Value::as_array);
        let mut hosts: Vec<String> =
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        hosts.sort();
        let readiness = readiness(object, &namespace, &hosts, challenges);
        Some(Self {
            place: TlsSecret { namespace, name: object.metadata.name.clone()? },
            environment: labels.get(site_secret::ENVIRONMENT).cloned(),
            hosts,
            readiness,
            not_after: object
                .data
                .pointer("/status/notAfter")
                .and_then(Value::as_str)
                .map(str::to_owned),
        })
    }

    /// Returns what it is now, in the form of what is declared.
    pub(super) fn spec(&self) -> SiteCertificateSpec {
        SiteCertificateSpec {
            issuer: SiteIssuer::Acme,
            hosts: self.hosts.clone(),
            chain: None,
            state: "valid".to_owned(),
            environment: self.environment.clone(),
        }
    }
}

/// Reads whether a Certificate is ready; if not, with what its challenges say.
fn readiness(
    object: &DynamicObject,
    namespace: &str,
    hosts: &[String],
    challenges: &[DynamicObject],
) -> Readiness {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    let ready = conditions.find(|one| one["type"] == "Ready");
    // What is said of an earlier generation says nothing.
    let seen = ready.and_then(|ready| ready["observedGeneration"].as_i64());
    let is_current = seen.is_none() || seen == object.metadata.generation;
    let message = match ready {
        Some(ready) if ready["status"] == "True" && is_current => return Readiness::Ready,
        Some(ready) => ready["message"].as_str().unwrap_or("it is not ready").to_owned(),
        None => "cert-manager has not looked at it yet".to_owned(),
    };
    let of_host = |challenge: &&DynamicObject| {
        let host = challenge.data.pointer("/spec/dnsName").and_then(Value::as_str);
        challenge.metadata.namespace.as_deref() == Some(namespace)
            && host.is_some_and(|host| hosts.iter().any(|own| own == host))
    };
    let reasons = challenges.iter().filter(of_host).filter_map(|challenge| {
        let host = challenge.data.pointer("/spec/dnsName")?.as_str()?;
        let reason = challenge.data.pointer("/status/reason")?.as_str()?;
        (!reason.is_empty()).then(|| format!("; {host}: {reason}"))
    });
    Readiness::Pending { reason: format!("{message}{}", reasons.collect::<String>()) }
}

/// Lists those of `owner`; none while cert-manager is not installed.
pub(super) async fn list(
    client: &Client,
    owner: &Owner,
) -> Result<Vec<AcmeCertificate>, CloudError> {
    let params = ListParams::default().labels(&site_secret::selector(owner));
    let found = items(client, &certificates(), &params).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let challenges = items(client, &challenges(), &ListParams::default()).await?;
    Ok(found.iter().filter_map(|one| AcmeCertificate::read(one, &challenges)).collect())
}

pub(super) async fn items(
    client: &Client,
    kind: &ApiResource,
    params: &ListParams,
) -> Result<Vec<DynamicObject>, CloudError> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), kind);
    match api.list(params).await {
        Ok(list) => Ok(list.items),
        // The definition is not there.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
        Err(error) => Err(of_kube(&format!("list the {} of cert-manager", kind.plural), &error)),
    }
}

/// Creates or changes the Certificate of a Secret.
pub(super) async fn apply(
    client: &Client,
    operation: &str,
    place: &TlsSecret,
    spec: &SiteCertificateSpec,
    owner: &Owner,
) -> Result<AcmeCertificate, CloudError> {
    let api: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), &place.namespace, &certificates());
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let wanted = object(place, spec, owner);
    let made = api
        .patch(&place.name, &params, &Patch::Apply(&wanted))
        .await
        .map_err(|error| of_kube(operation, &error))?;
    AcmeCertificate::read(&made, &[])
        .ok_or_else(|| super::errors::local(operation, "the API server took its labels away"))
}

fn object(place: &TlsSecret, spec: &SiteCertificateSpec, owner: &Owner) -> Value {
    let labels: BTreeMap<String, String> = site_secret::labels(spec, owner);
    json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": { "name": place.name, "namespace": place.namespace, "labels": labels },
        "spec": {
            "secretName": place.name,
            "dnsNames": spec.hosts,
            "issuerRef": { "group": "cert-manager.io", "kind": "ClusterIssuer", "name": ISSUER },
            "privateKey": { "algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always" },
            "secretTemplate": {
                "labels": labels,
                "annotations": { site_secret::ISSUER: site_secret::issuer_name(spec.issuer) },
            },
        },
    })
}

/// Deletes the Certificate of a Secret, if `owner` made it. The Secret stays.
pub(super) async fn delete(
    client: &Client,
    operation: &str,
    place: &TlsSecret,
    owner: &Owner,
) -> Result<(), CloudError> {
    let api: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), &place.namespace, &certificates());
    let failed = |error: kube::Error| of_kube(operation, &error);
    let found = match api.get_opt(&place.name).await {
        Ok(found) => found,
        Err(kube::Error::Api(status)) if status.code == 404 => None,
        Err(error) => return Err(failed(error)),
    };
    let labels = found.as_ref().and_then(|found| found.metadata.labels.as_ref());
    if !labels.is_some_and(|labels| site_secret::is_owned(labels, owner)) {
        return Ok(());
    }
    match api.delete(&place.name, &DeleteParams::default()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dynamic(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_certificate_that_waits_says_what_its_challenges_say() {
        let certificate = |status: Value| {
            dynamic(json!({
                "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
                "metadata": { "name": "web-tls", "namespace": "shop", "generation": 2,
                              "labels": { "infra.dev/environment": "prod" } },
                "spec": { "dnsNames": ["b.example.com", "a.example.com"] }, "status": status,
            }))
        };
        let challenge = |namespace: &str, host: &str| {
            dynamic(json!({
                "apiVersion": "acme.cert-manager.io/v1", "kind": "Challenge",
                "metadata": { "name": host, "namespace": namespace },
                "spec": { "dnsName": host }, "status": { "reason": "no such host" },
            }))
        };
        let challenges = [challenge("shop", "a.example.com"), challenge("other", "b.example.com")];
        let of = |status: Value| AcmeCertificate::read(&certificate(status), &challenges).unwrap();
        let waits = |status: Value| match of(status).readiness {
            Readiness::Pending { reason } => reason,
            other => panic!("{other:?}"),
        };
        let ready = |status: &str, generation: i64| {
            json!({ "conditions": [{ "type": "Ready", "status": status, "message": "Issuing",
                                     "observedGeneration": generation }] })
        };
        assert_eq!(waits(ready("False", 2)), "Issuing; a.example.com: no such host");
        assert_eq!(waits(ready("True", 1)), "Issuing; a.example.com: no such host");
        assert!(waits(json!({})).starts_with("cert-manager has not looked at it yet"));
        let seen = of(ready("True", 2));
        assert_eq!(seen.readiness, Readiness::Ready);
        assert_eq!(seen.spec().hosts, ["a.example.com", "b.example.com"]);
        assert_eq!(seen.environment.as_deref(), Some("prod"));
    }
}
