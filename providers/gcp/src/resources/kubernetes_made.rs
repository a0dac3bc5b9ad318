//! Made by Kubernetes: what controllers in the cluster make in the cloud. It is found and deleted, and never
//! made here. A cluster has a network of its own, so what is in it and has a name that only controllers give
//! is this cluster's. What is in no network is recognized by a firewall rule in it that names it.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Kind, ManagedBy, Observed, OnChange,
    Resource, UpdateRequest, erase, never_created,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Api, nothing_to_update, operation, outputs, ready};
use crate::{
    client::{links_to, project_path, scope_path},
    wire::Firewall,
};

/// Something that a controller made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeSpec {
    /// Its name in the cloud.
    pub name: String,
    /// The link of the network that it is in or for, which goes after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The link of the subnet that it is in, which goes after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnetwork: Option<String>,
    /// Its size, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_gib: Option<u64>,
}

/// A kind that only controllers make.
#[async_trait]
pub(super) trait Made: Send + Sync + 'static {
    const KIND: &'static str;

    fn api(&self) -> &Api;
    /// Lists what is this cluster's.
    async fn list(&self, cx: &Context) -> Result<Vec<Found<MadeSpec>>, CloudError>;
    /// Deletes what goes before it and, other than a load balancer's parts, nothing else.
    async fn before(&self, _cx: &Context, _observed: &Observed) -> Result<(), CloudError> {
        Ok(())
    }
    /// Deletes what is of no use without it.
    async fn after(&self, _cx: &Context, _observed: &Observed) -> Result<(), CloudError> {
        Ok(())
    }
    fn warning(&self, _observed: &Observed) -> Option<String> {
        None
    }
}

/// Makes the kind of the engine.
pub(super) fn made<M: Made>(kind: M) -> Arc<dyn Kind> {
    erase(ByControllers(kind))
}

struct ByControllers<M>(M);

/// Describes something that a controller made for `object`. Its id is its place below the project.
pub(super) fn found_made(
    kind: &str,
    name: &str,
    self_link: &str,
    network: Option<&str>,
    object: String,
) -> Found<MadeSpec> {
    let id = scope_path(self_link).to_owned();
    let network = network.map(|link| project_path(link).to_owned());
    let spec = MadeSpec { name: name.to_owned(), network, subnetwork: None, size_gib: None };
    let outputs = outputs([("id", json!(id))]);
    let mut found = ready(Address::new(kind, name), id, spec, None, outputs);
    found.made_by = ManagedBy::Kubernetes { object };
    found
}

/// Returns the Service that a description names: `Service shop/web`.
pub(super) fn service_of(description: &str) -> Option<String> {
    let json: Value = serde_json::from_str(description).ok()?;
    let name =
        json.get("kubernetes.io/service-name").or(json.get("networking.gke.io/service-name"));
    name?.as_str().map(|name| format!("Service {name}"))
}

/// What is said where the Service is not known.
pub(super) fn some_service() -> String {
    "a Service of type LoadBalancer".to_owned()
}

/// Reports whether only controllers give such a name.
pub(super) fn is_controller_name(name: &str) -> bool {
    ["k8s-", "k8s1-", "k8s2-"].iter().any(|prefix| name.starts_with(prefix))
}

/// This cluster's own network, with the firewall rules that controllers made in it.
pub(super) struct OwnNetwork {
    pub(super) link: String,
    pub(super) firewalls: Vec<Firewall>,
}

impl OwnNetwork {
    /// Reports whether a firewall rule shows that the load balancer `name` is this cluster's.
    pub(super) fn names_balancer(&self, name: &str) -> bool {
        let rule = format!("k8s-fw-{name}");
        self.firewalls.iter().any(|firewall| firewall.name == rule)
    }

    /// Reports whether a firewall rule shows that the backend service `name` is this cluster's: both have one
    /// name.
    pub(super) fn names_backend(&self, name: &str) -> bool {
        name.starts_with("k8s2-") && self.firewalls.iter().any(|firewall| firewall.name == name)
    }
}

impl Api {
    /// Reads what tells what is this cluster's; `None` if it has no network, and so nothing in one.
    pub(super) async fn made_network(
        &self,
        cx: &Context,
    ) -> Result<Option<OwnNetwork>, CloudError> {
        let Some(link) = self.own_network(cx).await? else { return Ok(None) };
        let url = self.firewalls_url();
        let mut firewalls: Vec<Firewall> =
            self.client.list_shared(cx, "list firewalls", &url, &[]).await?;
        firewalls.retain(|one| links_to(&one.network, &link) && is_controller_name(&one.name));
        Ok(Some(OwnNetwork { link, firewalls }))
    }

    /// Deletes what is at `place` below the project. It is a success if nothing is there.
    pub(super) async fn delete_at(
        &self,
        cx: &Context,
        observed: &Observed,
        place: &str,
    ) -> Result<(), CloudError> {
        let operation = operation("delete", &observed.address);
        let url = self.client.compute_at(place);
        self.client.delete(cx, &operation, &observed.address, &url).await.map(drop)
    }
}

#[async_trait]
impl<M: Made> Resource for ByControllers<M> {
    type Spec = MadeSpec;

    fn name(&self) -> &'static str {
        M::KIND
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::CreateOnly
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<MadeSpec>>, CloudError> {
        self.0.list(cx).await
    }

    async fn create(
        &self,
        _cx: &Context,
        requests: &[(CreateRequest, MadeSpec)],
    ) -> Vec<Result<Found<MadeSpec>, CloudError>> {
        requests.iter().map(|(request, _)| Err(never_created(request))).collect()
    }

    async fn update(
        &self,
        _cx: &Context,
        request: &UpdateRequest,
        _spec: MadeSpec,
    ) -> Result<Found<MadeSpec>, CloudError> {
        nothing_to_update(&request.observed)
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        self.0.before(cx, observed).await?;
        self.0.api().delete_at(cx, observed, &observed.id).await?;
        self.0.after(cx, observed).await?;
        Ok(true)
    }

    fn delete_warning(&self, observed: &Observed) -> Option<String> {
        self.0.warning(observed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_names_its_service() {
        let text =
            r#"{"kubernetes.io/service-name":"shop/web", "kubernetes.io/service-ip":"1.2.3.4"}"#;
        assert_eq!(service_of(text).as_deref(), Some("Service shop/web"));
        assert_eq!(service_of("made by jane"), None);
    }

    #[test]
    fn a_rule_in_the_own_network_tells_whose_a_balancer_is() {
        let rule = |name: &str| Firewall { name: name.to_owned(), ..Firewall::default() };
        let network = OwnNetwork {
            link: String::new(),
            firewalls: vec![rule("k8s-fw-a0b1"), rule("k8s2-x-shop-web-y")],
        };
        assert!(network.names_balancer("a0b1") && !network.names_balancer("a0b"));
        assert!(
            network.names_backend("k8s2-x-shop-web-y") && !network.names_backend("k8s-fw-a0b1")
        );
        assert!(is_controller_name("k8s1-0a-neg") && !is_controller_name("k8sfoo"));
    }
}
