//! Before cert-manager goes: nothing may need it, and nothing may be left that only it lets go.
//!
//! It holds each Challenge with a finalizer, to clean up what answers it. Without cert-manager such a
//! Challenge, and its namespace, could never be deleted.

use std::{sync::Arc, time::Duration};

use infra_provider_api::{Address, CloudError, Context, ErrorKind, Owner};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
    core::ApiResource,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    acme_certificate::{self, certificates, challenges, is_of_issuer, items, orders},
    kube_access::{KubeAccess, of_kube},
    site_scope::SiteScope,
    site_secret,
};
use crate::apps::TlsSecret;

/// The finalizers of cert-manager: this version's, and that of earlier ones.
const FINALIZERS: [&str; 2] = ["acme.cert-manager.io/finalizer", "finalizer.acme.cert-manager.io"];
/// The namespace and the name of its Deployment.
const DEPLOYMENT: &str = "cert-manager";
/// How long to wait before it is read again.
const LOOK: Duration = Duration::from_secs(1);

/// A Certificate that keeps cert-manager.
#[derive(Debug)]
pub struct NeedsCertManager {
    place: TlsSecret,
    /// The environment whose certificate it is; `None` if infra did not make it.
    environment: Option<String>,
}

impl std::fmt::Display for NeedsCertManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.environment {
            Some(environment) => write!(f, "{} (environment {environment})", self.place),
            None => write!(f, "{} (not made by infra)", self.place),
        }
    }
}

/// Returns the Certificates of the cluster that come from cert-manager and are not in `scope`.
///
/// # Errors
/// Returns an error if they cannot be listed.
pub async fn needs_cert_manager(
    kube: &KubeAccess,
    owner: &Owner,
    scope: &SiteScope,
) -> Result<Vec<NeedsCertManager>, CloudError> {
    let client = kube.client().await?.raw().clone();
    let all = items(&client, &certificates(), &ListParams::default()).await?;
    let needs = all.iter().filter_map(|one| {
        let place = TlsSecret {
            namespace: one.metadata.namespace.clone()?,
            name: one.metadata.name.clone()?,
        };
        let labels = one.metadata.labels.clone().unwrap_or_default();
        if !site_secret::is_owned(&labels, owner) {
            return is_of_issuer(one).then_some(NeedsCertManager { place, environment: None });
        }
        let environment = labels.get(site_secret::ENVIRONMENT).cloned();
        let is_ours = scope.covers(environment.as_deref(), &place);
        (!is_ours).then_some(NeedsCertManager { place, environment })
    });
    Ok(needs.collect())
}

/// Joins what needs cert-manager for a sentence.
pub fn listed(needs: &[NeedsCertManager]) -> String {
    let texts: Vec<String> = needs.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// Deletes the Certificates in `scope` and waits until cert-manager has let go of their Orders and
/// Challenges. Where it no longer runs, its finalizers are taken off. Their Secrets stay.
///
/// # Errors
/// Returns an error if Certificates outside of `scope` need cert-manager, or if something is still there
/// after `timeout`.
pub(super) async fn release(
    cx: &Context,
    kube: &Arc<KubeAccess>,
    scope: &SiteScope,
    address: &Address,
    timeout: Duration,
) -> Result<(), CloudError> {
    let operation = format!("delete {address}");
    let needs = needs_cert_manager(kube, &cx.owner, scope).await?;
    if !needs.is_empty() {
        let message = format!("certificates still come from it: {}", listed(&needs));
        return Err(CloudError::new(ErrorKind::Blocked, operation, message).with_hint(
            "apply each environment that they belong to, and delete the Certificates that infra did not make",
        ));
    }
    let client = kube.client().await?.raw().clone();
    for own in acme_certificate::list(&client, &cx.owner).await? {
        acme_certificate::delete(&client, &operation, &own.place, &cx.owner).await?;
    }
    let end = Instant::now() + timeout;
    loop {
        let left = left(&client).await?;
        if left.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = left.iter().map(|(_, one)| name_of(one)).collect();
        let names = names.join(", ");
        let is_late = Instant::now() >= end;
        match manager(&client, &operation).await? {
            Manager::Gone => let_go(cx, &client, address, &left).await?,
            Manager::Down if is_late => let_go(cx, &client, address, &left).await?,
            Manager::Runs if is_late => {
                let message = format!("cert-manager does not let go of {names}");
                return Err(CloudError::new(ErrorKind::Deadline, operation, message).with_hint(
                    "see why: kubectl -n cert-manager logs deployment/cert-manager; then run the same command again",
                ));
            }
            Manager::Runs | Manager::Down => {
                cx.progress.waiting(Some(address), &format!("cert-manager cleans up {names}"));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = cx.wind_down.cancelled() => {
                let message = format!("stopped while cert-manager cleaned up {names}");
                return Err(CloudError::new(ErrorKind::Cancelled, operation, message));
            }
        }
    }
}

/// Whether cert-manager can clean up.
enum Manager {
    /// A pod of it is ready.
    Runs,
    /// None is ready now.
    Down,
    /// It is not installed any more, or switched off.
    Gone,
}

async fn manager(client: &Client, operation: &str) -> Result<Manager, CloudError> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), DEPLOYMENT);
    let found = api.get_opt(DEPLOYMENT).await.map_err(|error| of_kube(operation, &error))?;
    let Some(found) = found.filter(|one| one.metadata.deletion_timestamp.is_none()) else {
        return Ok(Manager::Gone);
    };
    let ready = found.status.and_then(|status| status.ready_replicas).unwrap_or(0);
    Ok(match found.spec.and_then(|spec| spec.replicas) {
        Some(0) => Manager::Gone,
        _ if ready > 0 => Manager::Runs,
        _ => Manager::Down,
    })
}

/// Returns the Orders and Challenges of the addon's issuer, with their kinds.
async fn left(client: &Client) -> Result<Vec<(ApiResource, DynamicObject)>, CloudError> {
    let mut left = Vec::new();
    for kind in [orders(), challenges()] {
        let all = items(client, &kind, &ListParams::default()).await?;
        left.extend(all.into_iter().filter(is_of_issuer).map(|one| (kind.clone(), one)));
    }
    Ok(left)
}

fn name_of(object: &DynamicObject) -> String {
    let kind = object.types.as_ref().map_or("object", |types| types.kind.as_str());
    let metadata = &object.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    format!("{kind}/{namespace}/{}", metadata.name.as_deref().unwrap_or_default())
}

/// Takes cert-manager's finalizers off, and deletes what has no owner whose end would delete it.
async fn let_go(
    cx: &Context,
    client: &Client,
    address: &Address,
    left: &[(ApiResource, DynamicObject)],
) -> Result<(), CloudError> {
    for (kind, object) in left {
        let (Some(namespace), Some(name)) = (&object.metadata.namespace, &object.metadata.name)
        else {
            continue;
        };
        let what = name_of(object);
        let said = format!("cert-manager does not run; its finalizer is taken off {what}");
        cx.progress.waiting(Some(address), &said);
        let operation = format!("let go of {what}");
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, kind);
        if let Some(patch) = without_finalizers(object) {
            let patched = api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await;
            is_done(&operation, patched.map(drop))?;
        }
        is_done(&operation, api.delete(name, &DeleteParams::background()).await.map(drop))?;
    }
    Ok(())
}

/// Takes an object that is gone, or was changed meanwhile, as one to look at again.
fn is_done(operation: &str, result: Result<(), kube::Error>) -> Result<(), CloudError> {
    match result {
        Ok(()) => Ok(()),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(error) => Err(of_kube(operation, &error)),
    }
}

/// Returns the patch that leaves the finalizers of others on an object; `None` if it has none of
/// cert-manager's.
fn without_finalizers(object: &DynamicObject) -> Option<Value> {
    let all = object.metadata.finalizers.clone().unwrap_or_default();
    let is_own = |one: &String| FINALIZERS.contains(&one.as_str());
    let others: Vec<&String> = all.iter().filter(|one| !is_own(one)).collect();
    if others.len() == all.len() {
        return None;
    }
    // With its revision, so that a finalizer which somebody adds meanwhile is not lost.
    let revision = &object.metadata.resource_version;
    Some(json!({ "metadata": { "finalizers": others, "resourceVersion": revision } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_finalizers_of_cert_manager_are_taken_off() {
        let object = |finalizers: Value| -> DynamicObject {
            serde_json::from_value(json!({
                "apiVersion": "acme.cert-manager.io/v1", "kind": "Challenge",
                "metadata": { "name": "a", "namespace": "shop", "resourceVersion": "7",
                              "finalizers": finalizers },
            }))
            .unwrap()
        };
        let patch = |finalizers: Value| without_finalizers(&object(finalizers));
        let expected = json!({ "metadata": { "finalizers": ["a/b"], "resourceVersion": "7" } });
        assert_eq!(patch(json!([FINALIZERS[0], "a/b", FINALIZERS[1]])), Some(expected));
        assert_eq!(patch(json!(["a/b"])), None);
        assert_eq!(name_of(&object(json!([]))), "Challenge/shop/a");
    }
}
