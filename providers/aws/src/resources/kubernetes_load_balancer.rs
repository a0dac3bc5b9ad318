//! `kubernetes_load_balancer`: made by a controller in the cluster for a Service or an Ingress. The tag
//! that controllers put on what they make for this cluster is the mark; a load balancer without it may
//! be anybody's, also when it is in the cluster's own network.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer, TargetGroup, TargetHealthStateEnum};
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, ManagedBy, Membership, Observed, OnChange,
    never_created,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, outputs, ready},
    blockers::with_command,
    kubernetes_security_group::own_vpcs,
    load_balancer::{name_of, readiness, tags_of},
    unbatched::Unbatched,
};

/// A load balancer of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeLoadBalancerSpec {
    /// Its name in the cloud: `a` and the Service's UID.
    pub name: String,
}

pub(crate) struct KubernetesLoadBalancers(pub(crate) Arc<Api>);

impl Api {
    /// Lists all load balancers of the region.
    pub(super) async fn all_balancers(
        &self,
        cx: &Context,
    ) -> Result<Vec<LoadBalancer>, CloudError> {
        self.read(cx, "list load balancers", || {
            let pages = self.elb.describe_load_balancers().into_paginator().items().send();
            pages.collect::<Result<Vec<_>, _>>()
        })
        .await
    }
}

/// Lists the machines that the load balancers of the cluster's network send traffic to: the healthy
/// ones.
pub(crate) async fn memberships(api: &Api, cx: &Context) -> Result<Vec<Membership>, CloudError> {
    let operation = "look which machines load balancers use";
    let vpcs = own_vpcs(api, cx).await?;
    let mut memberships = Vec::new();
    for balancer in api.all_balancers(cx).await? {
        if !balancer.vpc_id().is_some_and(|vpc| vpcs.iter().any(|own| own == vpc)) {
            continue;
        }
        let arn = balancer.load_balancer_arn().unwrap_or_default();
        let groups = api
            .find(cx, operation, || api.elb.describe_target_groups().load_balancer_arn(arn).send())
            .await?;
        let mut machines = Vec::new();
        for group in groups.and_then(|all| all.target_groups).unwrap_or_default() {
            let arn = group.target_group_arn().unwrap_or_default();
            let health = api
                .find(cx, operation, || {
                    api.elb.describe_target_health().target_group_arn(arn).send()
                })
                .await?;
            let targets = health.and_then(|health| health.target_health_descriptions);
            let healthy = targets.iter().flatten().filter(|target| {
                let state = target.target_health().and_then(|health| health.state());
                state == Some(&TargetHealthStateEnum::Healthy)
            });
            machines.extend(healthy.filter_map(|one| one.target()?.id().map(str::to_owned)));
        }
        machines.sort();
        machines.dedup();
        let balancer = balancer.load_balancer_name().unwrap_or_default().to_owned();
        memberships.push(Membership { balancer, machines });
    }
    Ok(memberships)
}

impl KubernetesLoadBalancers {
    /// Groups that forward to the cluster's machines stay behind when their load balancer goes, and
    /// can't go before: so its listeners go first. A group that the controller did not make is left.
    async fn remove_parts(
        &self,
        cx: &Context,
        operation: &str,
        arn: &str,
    ) -> Result<(), CloudError> {
        let elb = &self.0.elb;
        let groups = self
            .0
            .find(cx, operation, || elb.describe_target_groups().load_balancer_arn(arn).send())
            .await?;
        let listeners = self
            .0
            .find(cx, operation, || elb.describe_listeners().load_balancer_arn(arn).send())
            .await?;
        for listener in listeners.and_then(|all| all.listeners).unwrap_or_default() {
            let call = elb.delete_listener().set_listener_arn(listener.listener_arn);
            self.0.delete(operation, call.send()).await?;
        }
        let groups = groups.and_then(|all| all.target_groups).unwrap_or_default();
        let arns: Vec<String> =
            groups.iter().filter_map(|one| one.target_group_arn().map(str::to_owned)).collect();
        let tags = tags_of(&self.0, cx, &arns).await?;
        let made = |group: &TargetGroup| {
            let marks = group.target_group_arn().and_then(|arn| tags.get(arn));
            marks.is_some_and(|marks| marks.is_kubernetes(&cx.owner))
        };
        for group in groups.into_iter().filter(made) {
            let call = elb.delete_target_group().set_target_group_arn(group.target_group_arn);
            self.0.delete(operation, call.send()).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Unbatched for KubernetesLoadBalancers {
    type Spec = MadeLoadBalancerSpec;
    const NAME: &'static str = "kubernetes_load_balancer";
    const KEYED: bool = true;

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::CreateOnly
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<MadeLoadBalancerSpec>>, CloudError> {
        let vpcs = own_vpcs(&self.0, cx).await?;
        if vpcs.is_empty() {
            return Ok(Vec::new());
        }
        let ours = name_of(&cx.owner, "api");
        let mut all = self.0.all_balancers(cx).await?;
        all.retain(|one| {
            one.load_balancer_name() != Some(&ours)
                && one.vpc_id().is_some_and(|vpc| vpcs.iter().any(|own| own == vpc))
        });
        let arns: Vec<String> =
            all.iter().filter_map(|one| one.load_balancer_arn().map(str::to_owned)).collect();
        let tags = tags_of(&self.0, cx, &arns).await?;
        let found = all.iter().filter_map(|balancer| {
            let arn = balancer.load_balancer_arn().unwrap_or_default();
            let name = balancer.load_balancer_name().unwrap_or_default().to_owned();
            let marks = tags.get(arn).filter(|marks| marks.is_kubernetes(&cx.owner))?;
            let object = match marks.get("kubernetes.io/service-name") {
                Some(service) => format!("Service {service}"),
                None => "a Service of type LoadBalancer".to_owned(),
            };
            let outputs = outputs([("id", json!(arn)), ("host", json!(balancer.dns_name()))]);
            let address = Address::new(Self::NAME, &name);
            let mut found = ready(address, arn, MadeLoadBalancerSpec { name }, None, outputs);
            found.readiness = readiness(balancer);
            found.made_by = ManagedBy::Kubernetes { object };
            Some(found)
        });
        Ok(found.collect())
    }

    async fn make(
        &self,
        _cx: &Context,
        request: &CreateRequest,
        _spec: MadeLoadBalancerSpec,
    ) -> Result<Found<MadeLoadBalancerSpec>, CloudError> {
        Err(never_created(request))
    }

    async fn remove(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        self.remove_parts(cx, &operation, &observed.id).await?;
        let call = self.0.elb.delete_load_balancer().load_balancer_arn(&observed.id).send();
        match self.0.delete(&operation, call).await {
            Ok(()) => Ok(true),
            Err(error) => Err(with_command(&self.0, error, Self::NAME, &observed.id)),
        }
    }
}
