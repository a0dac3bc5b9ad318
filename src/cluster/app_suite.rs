//! `suite`: a set of Kubernetes objects that is installed, waited for and pruned as a whole.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Input, ManagedBy, Observed,
    OnChange, Outputs, Place, Readiness, Resource, UpdateRequest, Waits,
};
use kube::{
    Api,
    api::DynamicObject,
    core::{ApiResource, GroupVersionKind},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{acme_removal, kube_access::KubeAccess, site_scope::SiteScope, suite_sources::Suites};
use crate::apps::{
    self, ApplyOptions, AppsError, AppsEvent, DeleteOptions, Events, Inventory, KubeClient,
    Protection, Suite, addons::CERT_MANAGER,
};

/// A suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteSpec {
    /// Hash of what is rendered; `drifted: …` where the cluster differs from it.
    pub digest: String,
    /// How many objects it has.
    pub objects: usize,
    /// Variables that come from the cloud.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Input<String>>,
}

/// The kind.
#[derive(Debug)]
pub struct SuiteKind {
    kube: Arc<KubeAccess>,
    suites: Suites,
    /// Suites whose variables are all known: compared object by object.
    loaded: BTreeMap<String, Suite>,
    timeout: Duration,
    /// Whose certificates of sites go with cert-manager.
    sites: SiteScope,
}

fn of_apps(operation: &str, error: &AppsError) -> CloudError {
    let kind = match error {
        AppsError::Cancelled => ErrorKind::Cancelled,
        AppsError::Api { code: 403, .. } => ErrorKind::Forbidden,
        AppsError::Api { code: 401, .. } => ErrorKind::Unauthorized,
        AppsError::Api { code: 500.., .. } => ErrorKind::Unavailable,
        AppsError::Unreachable { .. } => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    };
    let mut failed = CloudError::new(kind, operation, error.to_string());
    let hints = error.hints();
    if !hints.is_empty() {
        failed.hint = Some(hints.join("; "));
    }
    failed
}

impl SuiteKind {
    /// Makes the kind for the suites behind `kube`; those in `loaded` are compared object by
    /// object.
    pub fn new(
        kube: Arc<KubeAccess>,
        suites: Suites,
        loaded: BTreeMap<String, Suite>,
        timeout: Duration,
    ) -> Self {
        Self { kube, suites, loaded, timeout, sites: SiteScope::default() }
    }

    /// Says whose certificates go with cert-manager.
    #[must_use]
    pub fn with_sites(mut self, sites: SiteScope) -> Self {
        self.sites = sites;
        self
    }

    async fn observe(
        &self,
        client: &KubeClient,
        name: &str,
        suite_name: &str,
    ) -> Result<Option<Found<SuiteSpec>>, AppsError> {
        let Some(inventory) = Inventory::read(client, suite_name).await? else { return Ok(None) };
        // What is only deleted when named (its Namespace) may outlive a suite that is gone.
        if self.suites.is_retired(name) && inventory.is_only_protected() {
            return Ok(None);
        }
        let mut digest = inventory.digest.clone();
        if digest.is_empty() {
            digest = "interrupted".into();
        }
        let mut outputs = Outputs::new();
        if let Some(suite) = self.loaded.get(name) {
            if digest == suite.digest() {
                let plan = apps::plan(client, suite, Some(&inventory)).await?;
                let differ: Vec<String> = plan
                    .changes
                    .iter()
                    .filter(|change| {
                        !matches!(change.action, apps::Action::NoOp | apps::Action::Keep)
                    })
                    .map(drift)
                    .collect();
                if !differ.is_empty() {
                    digest = format!("drifted: {}", differ.join(", "));
                }
            }
            outputs = addresses(client, suite).await?;
        }
        Ok(Some(found(name, suite_name, digest, inventory.objects.len(), outputs)))
    }

    async fn apply(
        &self,
        cx: &Context,
        address: &Address,
        spec: &SuiteSpec,
    ) -> Result<Found<SuiteSpec>, CloudError> {
        let operation = format!("install {address}");
        let seed = self.suites.get(address.name()).ok_or_else(|| {
            CloudError::new(ErrorKind::Local, &operation, "this suite is not known here")
        })?;
        let variables = spec
            .variables
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.known()?.clone())))
            .collect();
        let suite = seed.load(&variables).map_err(|error| of_apps(&operation, &error))?;
        let client = self.kube.client().await?;
        let events = progress(cx, address);
        let options = ApplyOptions {
            timeout: self.timeout,
            stop: cx.wind_down.clone(),
            ..ApplyOptions::default()
        };
        let failed = |error: AppsError| of_apps(&operation, &error);
        let applied = apps::apply(&client, &suite, &options, &events).await;
        applied.and_then(apps::Outcome::into_result).map_err(failed)?;
        let outputs = addresses(&client, &suite).await.map_err(failed)?;
        Ok(found(address.name(), suite.name(), suite.digest(), suite.objects().len(), outputs))
    }
}

/// Describes one object that differs, and which of its fields belong to others.
fn drift(change: &apps::ObjectChange) -> String {
    let theirs =
        |conflict: &apps::Conflict| format!("{} belongs to {}", conflict.field, conflict.manager);
    let conflicts: Vec<String> = change.conflicts.iter().map(theirs).collect();
    if conflicts.is_empty() {
        change.object.to_string()
    } else {
        format!("{} ({})", change.object, conflicts.join(", "))
    }
}

/// Says what is being waited for, in the words of kubectl: `Deployment test/api: 1 of 2 available`.
fn progress(cx: &Context, address: &Address) -> Events {
    let (progress, address) = (Arc::clone(&cx.progress), address.clone());
    Events::new(move |event| {
        let reason = match event {
            AppsEvent::Waiting { object, reason } => format!("{object}: {reason}"),
            AppsEvent::Retrying { message, .. } => message,
            AppsEvent::Failed { object, message } => format!("{object} failed: {message}"),
            _ => return,
        };
        progress.waiting(Some(&address), &reason);
    })
}

/// Describes a suite. The id is the suite's name in the cluster: environments of one cluster share
/// the address.
fn found(
    name: &str,
    suite_name: &str,
    digest: String,
    objects: usize,
    outputs: Outputs,
) -> Found<SuiteSpec> {
    Found {
        address: Address::new("suite", name),
        id: suite_name.to_owned(),
        spec: SuiteSpec { digest, objects, variables: BTreeMap::new() },
        outputs: outputs.into(),
        readiness: Readiness::Ready,
        intent_key: None,
        made_by: ManagedBy::Infra,
    }
}

/// Reads the address of the suite's Service of type LoadBalancer, if it has one. An address that
/// may not be read shows as an unknown output.
async fn addresses(client: &KubeClient, suite: &Suite) -> Result<Outputs, AppsError> {
    let mut outputs = Outputs::new();
    let services = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Service"));
    for object in suite.objects() {
        let balanced = object.value.pointer("/spec/type").and_then(|kind| kind.as_str())
            == Some("LoadBalancer");
        if object.id.kind != "Service" || !balanced {
            continue;
        }
        let namespace = object.id.namespace.as_deref().unwrap_or("default");
        let api: Api<DynamicObject> =
            Api::namespaced_with(client.raw().clone(), namespace, &services);
        let operation = format!("read Service/{namespace}/{}", object.id.name);
        match client.call(&operation, || api.get_opt(&object.id.name)).await {
            Ok(Some(live)) => {
                let status = &live.data["status"]["loadBalancer"]["ingress"][0];
                let own = [&status["ip"], &status["hostname"]];
                let address = own.into_iter().find(|value| value.is_string());
                // Another load balancer will have another address.
                let stays = cloud_annotations(&object.value).all(|(key, value)| {
                    let now = live.metadata.annotations.as_ref().and_then(|all| all.get(key));
                    value.as_str() == now.map(String::as_str)
                });
                let address = address.filter(|_| stays).cloned().unwrap_or(Value::Null);
                outputs.insert("ingress_address".into(), address);
            }
            // It is not there (any more): the next apply gives it an address.
            Ok(None) => {
                outputs.insert("ingress_address".into(), Value::Null);
            }
            // DNS hangs on it: an API server that is away for a moment is no answer.
            Err(error @ AppsError::Unreachable { .. }) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(outputs)
}

/// Returns the annotations that a Service has for its cloud: they choose the load balancer.
fn cloud_annotations(service: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let annotations = service.pointer("/metadata/annotations").and_then(Value::as_object);
    annotations
        .into_iter()
        .flatten()
        .filter(|(key, _)| key.starts_with("service.beta.kubernetes.io/"))
}

#[async_trait]
impl Resource for SuiteKind {
    type Spec = SuiteSpec;

    fn name(&self) -> &'static str {
        "suite"
    }

    fn place(&self) -> Place {
        Place::Cluster
    }

    fn on_change(&self, field: &str) -> OnChange {
        // What variables change shows in the digest.
        if field == "variables" { OnChange::CreateOnly } else { OnChange::Update }
    }

    fn waits(&self) -> Waits {
        Waits { ready: Duration::from_secs(60), ..Waits::default() }
    }

    async fn list_owned(&self, _: &Context) -> Result<Vec<Found<SuiteSpec>>, CloudError> {
        if !self.kube.exists() {
            return Ok(Vec::new());
        }
        let client = self.kube.client().await?;
        let installed = self.suites.iter().map(|(name, seed)| (name, seed.suite_name()));
        let retired = self.suites.retired().map(|(name, suite)| (name, suite.clone()));
        let all = installed.chain(retired).map(|(name, suite)| {
            let client = &client;
            async move { self.observe(client, name, &suite).await }
        });
        let mut found = Vec::new();
        for one in futures::future::join_all(all).await {
            found.extend(one.map_err(|error| of_apps("compare the suites", &error))?);
        }
        Ok(found)
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, SuiteSpec)],
    ) -> Vec<Result<Found<SuiteSpec>, CloudError>> {
        let mut results = Vec::new();
        for (request, spec) in requests {
            results.push(self.apply(cx, &request.address, spec).await);
        }
        results
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: SuiteSpec,
    ) -> Result<Found<SuiteSpec>, CloudError> {
        self.apply(cx, &request.observed.address, &spec).await
    }

    async fn poll(&self, _: &Context, ids: &[String]) -> Result<Vec<Found<SuiteSpec>>, CloudError> {
        // An apply returns when all is ready, so there is nothing to wait for afterwards.
        let all = self.suites.iter().map(|(name, seed)| (name, seed.suite_name()));
        let asked = all.filter(|(_, suite_name)| ids.contains(suite_name));
        Ok(asked
            .map(|(name, suite_name)| found(name, &suite_name, String::new(), 0, Outputs::new()))
            .collect())
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let client = self.kube.client().await?;
        let name = self.suites.name_in_cluster(observed.address.name());
        let inventory =
            Inventory::read(&client, &name).await.map_err(|error| of_apps(&operation, &error))?;
        if let Some(inventory) = inventory {
            if observed.address.name() == CERT_MANAGER {
                let address = &observed.address;
                acme_removal::release(cx, &self.kube, &self.sites, address, self.timeout).await?;
            }
            let options = DeleteOptions {
                protection: Protection::Keep,
                timeout: self.timeout,
                only: Vec::new(),
                stop: cx.wind_down.clone(),
            };
            apps::delete(&client, &inventory, &options, &progress(cx, &observed.address))
                .await
                .and_then(apps::Outcome::into_result)
                .map_err(|error| of_apps(&operation, &error))?;
        }
        Ok(true)
    }
}
