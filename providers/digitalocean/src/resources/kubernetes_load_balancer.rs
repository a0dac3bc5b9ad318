//! `kubernetes_load_balancer`: made by the cloud controller manager for a Service. The tag that the
//! controller puts on each (`k8s:<cluster's UUID>`) is the mark. A load balancer without it may be
//! anybody's, also when it is in the cluster's own network.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, ManagedBy, Membership, Observed, OnChange,
    Owner, Resource, UpdateRequest, never_created,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, address_of, nothing_to_update, outputs, ready},
    load_balancer::readiness,
};
use crate::{ownership::kubernetes_tag, wire::LoadBalancer};

const PATH: &str = "load_balancers";

/// A load balancer of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeLoadBalancerSpec {
    /// Its name in the cloud: `a` and the Service's UID, or what the Service asks for.
    pub name: String,
}

pub(crate) struct KubernetesLoadBalancers(pub(crate) Arc<Api>);

fn found(balancer: &LoadBalancer) -> Found<MadeLoadBalancerSpec> {
    let address = Address::new("kubernetes_load_balancer", &balancer.name);
    let spec = MadeLoadBalancerSpec { name: balancer.name.clone() };
    let mut outputs = outputs([("id", json!(balancer.id))]);
    if let Some(ip) = balancer.ip.as_ref().filter(|ip| !ip.is_empty()) {
        outputs.insert("ip".to_owned(), json!(ip));
    }
    let mut found = ready(address, balancer.id.clone(), spec, outputs);
    found.readiness = readiness(balancer);
    let object = "a Service of type LoadBalancer".to_owned();
    found.made_by = ManagedBy::Kubernetes { object };
    found
}

/// Reports whether the cloud controller manager of `owner`'s cluster made the load balancer.
pub(super) fn is_made_for(owner: &Owner, balancer: &LoadBalancer) -> bool {
    balancer.tags.contains(&kubernetes_tag(owner))
        && address_of(owner, "load_balancer", &balancer.name).is_none()
}

pub(super) fn in_cluster(cx: &Context, all: &[LoadBalancer]) -> Vec<Found<MadeLoadBalancerSpec>> {
    all.iter().filter(|balancer| is_made_for(&cx.owner, balancer)).map(found).collect()
}

#[async_trait]
impl Resource for KubernetesLoadBalancers {
    type Spec = MadeLoadBalancerSpec;

    fn name(&self) -> &'static str {
        "kubernetes_load_balancer"
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::CreateOnly
    }

    async fn list_owned(
        &self,
        cx: &Context,
    ) -> Result<Vec<Found<MadeLoadBalancerSpec>>, CloudError> {
        let all = self.0.client.list_shared(cx, "list load balancers", &[PATH], &[], PATH).await?;
        Ok(in_cluster(cx, &all))
    }

    async fn poll(
        &self,
        cx: &Context,
        ids: &[String],
    ) -> Result<Vec<Found<MadeLoadBalancerSpec>>, CloudError> {
        let mut all: Vec<LoadBalancer> =
            self.0.client.list(cx, "list load balancers", &[PATH], &[], PATH).await?;
        all.retain(|balancer| ids.contains(&balancer.id));
        Ok(all.iter().map(found).collect())
    }

    async fn create(
        &self,
        _cx: &Context,
        requests: &[(CreateRequest, MadeLoadBalancerSpec)],
    ) -> Vec<Result<Found<MadeLoadBalancerSpec>, CloudError>> {
        requests.iter().map(|(request, _)| Err(never_created(request))).collect()
    }

    async fn update(
        &self,
        _cx: &Context,
        request: &UpdateRequest,
        _spec: MadeLoadBalancerSpec,
    ) -> Result<Found<MadeLoadBalancerSpec>, CloudError> {
        nothing_to_update(&request.observed)
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let was_there = self.0.client.delete(cx, &operation, &[PATH, &observed.id]).await?;
        Ok(!was_there)
    }
}

/// Lists the members of every load balancer in the cluster's own network. The vendor does not
/// report the health of single members.
pub(crate) async fn memberships(api: &Api, cx: &Context) -> Result<Vec<Membership>, CloudError> {
    let all = api.client.list::<LoadBalancer>(cx, "list load balancers", &[PATH], &[], PATH);
    let (vpcs, all) = futures::try_join!(api.own_vpcs(cx), all)?;
    let ours = all
        .into_iter()
        .filter(|balancer| balancer.vpc_uuid.as_ref().is_some_and(|vpc| vpcs.contains(vpc)));
    Ok(ours
        .map(|balancer| Membership {
            balancer: balancer.name,
            machines: balancer.droplet_ids.iter().map(u64::to_string).collect(),
        })
        .collect())
}
