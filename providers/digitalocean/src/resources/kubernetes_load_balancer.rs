//! `kubernetes_load_balancer`: made by the cloud controller for a Service. All load balancers in
//! the cluster's own network but ours: the network is made for the cluster alone, and can't go
//! while they are there.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, MadeBy, Membership, Observed, OnChange,
    Resource, UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, address_of, nothing_to_update, outputs, ready},
    load_balancer::readiness,
    made::never_created,
};
use crate::wire::LoadBalancer;

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
    found.made_by = MadeBy::Kubernetes { object };
    found
}

pub(super) fn in_cluster(
    cx: &Context,
    vpcs: &[String],
    all: &[LoadBalancer],
) -> Vec<Found<MadeLoadBalancerSpec>> {
    all.iter()
        .filter(|balancer| {
            balancer.vpc_uuid.as_ref().is_some_and(|vpc| vpcs.contains(vpc))
                && address_of(&cx.owner, "load_balancer", &balancer.name).is_none()
        })
        .map(found)
        .collect()
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
        let (vpcs, all) = futures::try_join!(
            self.0.own_vpcs(cx),
            self.0.client.list_shared(cx, "list load balancers", &[PATH], &[], PATH),
        )?;
        Ok(in_cluster(cx, &vpcs, &all))
    }

    async fn look(
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
        never_created(requests)
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

/// The members of every load balancer in the cluster's own network. The vendor tells no health of
/// single members.
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
