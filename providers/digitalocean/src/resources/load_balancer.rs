//! `load_balancer`: ours, in front of the API server. It has no tags of its own; its exact name is
//! the mark. Those that Kubernetes makes are another kind.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::future::join_all;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, KnownResource, Observed,
    OnChange, Presence, Readiness, Resource, UpdateRequest, Waits,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    api::{Api, address_of, known, name_of, outputs, ready},
    by_id,
    load_balancer_spec::LoadBalancerSpec,
    tags,
};
use crate::{
    ownership,
    wire::{Droplet, LoadBalancer, LoadBalancerAnswer},
};

pub(super) const PATH: &str = "load_balancers";

pub(crate) struct LoadBalancers(pub(crate) Arc<Api>);

pub(super) fn readiness(balancer: &LoadBalancer) -> Readiness {
    match balancer.status.as_str() {
        "active" if address(balancer).is_some() => Readiness::Ready,
        "errored" => Readiness::failed("status errored"),
        "active" => Readiness::Pending { reason: "no address yet".to_owned() },
        status => Readiness::Pending { reason: format!("status {status}") },
    }
}

/// Returns the address, if the vendor has given it one.
fn address(balancer: &LoadBalancer) -> Option<&str> {
    balancer.ip.as_deref().filter(|ip| !ip.is_empty())
}

fn found(
    cx: &Context,
    balancer: &LoadBalancer,
) -> Result<Option<Found<LoadBalancerSpec>>, CloudError> {
    address_of(&cx.owner, "load_balancer", &balancer.name)
        .map(|address| found_at(address, balancer))
        .transpose()
}

/// Reads a load balancer that is known to be the one at `address_in_cluster`.
fn found_at(
    address_in_cluster: Address,
    balancer: &LoadBalancer,
) -> Result<Found<LoadBalancerSpec>, CloudError> {
    // A missing field would look like a change that forces a replacement.
    let missing = |field: &str| {
        let message = format!("load balancer {} comes without {field}", balancer.name);
        CloudError::new(ErrorKind::MalformedResponse, "list load balancers", message)
    };
    let mut forwarding_rules = balancer.forwarding_rules.clone();
    forwarding_rules.sort();
    let spec = LoadBalancerSpec {
        region: balancer.region.as_ref().ok_or_else(|| missing("region"))?.slug.clone(),
        vpc: balancer.vpc_uuid.clone().ok_or_else(|| missing("vpc_uuid"))?.into(),
        tag: balancer.tag.clone().unwrap_or_default(),
        forwarding_rules,
        health_check: balancer.health_check.clone().ok_or_else(|| missing("health_check"))?,
        // The addresses of machines are resources of their own.
        allow: balancer.allowed().into_iter().filter(|rule| rule.starts_with("cidr:")).collect(),
    };
    let mut outputs = outputs([("id", json!(balancer.id))]);
    if let Some(ip) = address(balancer) {
        outputs.insert("ip".to_owned(), json!(ip));
    }
    let mut found = ready(address_in_cluster, balancer.id.clone(), spec, outputs);
    found.readiness = readiness(balancer);
    Ok(found)
}

pub(super) fn all_found(
    cx: &Context,
    all: &[LoadBalancer],
) -> Result<Vec<Found<LoadBalancerSpec>>, CloudError> {
    all.iter().filter_map(|balancer| found(cx, balancer).transpose()).collect()
}

/// Returns the body of a create call, and of a change of what there is `now`, which keeps what this tool
/// does not manage.
fn body(
    operation: &str,
    name: &str,
    spec: &LoadBalancerSpec,
    firewall: Option<Value>,
    now: Option<&LoadBalancer>,
) -> Result<Value, CloudError> {
    let mut body = json!({
        "name": name,
        "region": spec.region,
        "vpc_uuid": known(operation, "vpc", &spec.vpc)?,
        "tag": spec.tag,
        "forwarding_rules": spec.forwarding_rules,
        "health_check": spec.health_check,
    });
    if let Some(firewall) = firewall {
        body["firewall"] = firewall;
    }
    for (field, value) in now.map(LoadBalancer::unmanaged).unwrap_or_default() {
        body[field] = value;
    }
    Ok(body)
}

/// Returns the cluster's machines by their public addresses.
pub(super) async fn machines(
    api: &Api,
    cx: &Context,
) -> Result<HashMap<String, String>, CloudError> {
    let tag = cx.owner.tag();
    let query = [("tag_name", tag.as_str())];
    let all: Vec<Droplet> =
        api.client.list_shared(cx, "list droplets", &["droplets"], &query, "droplets").await?;
    let with_address = all.iter().filter_map(|droplet| {
        let node = ownership::node_of(&cx.owner, &droplet.name, &droplet.tags);
        Some((droplet.address("public")?.to_owned(), node))
    });
    Ok(with_address.collect())
}

/// Lets only `allow` connect, and leaves all else of the load balancer as it is.
pub(super) async fn set_firewall(
    api: &Api,
    cx: &Context,
    operation: &str,
    balancer: &LoadBalancer,
    allow: &BTreeSet<String>,
) -> Result<(), CloudError> {
    let spec = found_at(Address::new("load_balancer", &balancer.name), balancer)?.spec;
    let firewall = json!({ "allow": allow, "deny": balancer.denied() });
    let body = body(operation, &balancer.name, &spec, Some(firewall), Some(balancer))?;
    api.client.effect_silent(cx, operation, Method::PUT, &[PATH, &balancer.id], &body).await
}

impl LoadBalancers {
    async fn list(&self, cx: &Context) -> Result<Vec<LoadBalancer>, CloudError> {
        self.0.client.list(cx, "list load balancers", &[PATH], &[], PATH).await
    }

    /// Returns who may and may not connect, if anybody may not: the ranges of `spec` and the machines that may now;
    /// where everybody might, the machines that there are. No machine is shut out between this change
    /// and its own.
    async fn firewall(
        &self,
        cx: &Context,
        spec: &LoadBalancerSpec,
        now: Option<&LoadBalancer>,
    ) -> Result<Option<Value>, CloudError> {
        let deny = now.map(LoadBalancer::denied).unwrap_or_default();
        if spec.allow.is_empty() {
            return Ok((!deny.is_empty()).then(|| json!({ "allow": [], "deny": deny })));
        }
        let mut allow: BTreeSet<String> = spec.allow.iter().cloned().collect();
        let before = now.map(LoadBalancer::allowed).unwrap_or_default();
        // Later on each comes and goes by itself: one that is on its way out stays out.
        if !before.iter().any(|rule| rule.starts_with("cidr:")) {
            let machines = machines(&self.0, cx).await?;
            allow.extend(machines.keys().map(|ip| format!("ip:{ip}")));
        }
        allow.extend(before.into_iter().filter(|rule| rule.starts_with("ip:")));
        Ok(Some(json!({ "allow": allow, "deny": deny })))
    }

    fn this(
        cx: &Context,
        operation: &str,
        answer: &LoadBalancerAnswer,
    ) -> Result<Found<LoadBalancerSpec>, CloudError> {
        found(cx, &answer.load_balancer)?.ok_or_else(|| {
            let message = "the answer is about another load balancer";
            CloudError::new(ErrorKind::MalformedResponse, operation, message)
        })
    }

    async fn create_one(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &LoadBalancerSpec,
    ) -> Result<Found<LoadBalancerSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let name = name_of(cx, &request.address);
        // The vendor does not promise that names are unique, so one is looked for first.
        let all = self.list(cx).await?;
        let same: Vec<_> = all.into_iter().filter(|balancer| balancer.name == name).collect();
        if let Some(existing) = all_found(cx, &same)?.pop() {
            return Ok(existing);
        }
        tags::ensure(&self.0.client, cx, &operation, std::slice::from_ref(&spec.tag)).await?;
        let body = body(&operation, &name, spec, self.firewall(cx, spec, None).await?, None)?;
        let answer: LoadBalancerAnswer =
            self.0.client.effect(cx, &operation, Method::POST, &[PATH], &body).await?;
        Self::this(cx, &operation, &answer)
    }
}

#[async_trait]
impl Resource for LoadBalancers {
    type Spec = LoadBalancerSpec;

    fn name(&self) -> &'static str {
        "load_balancer"
    }

    fn on_change(&self, field: &str) -> OnChange {
        match field {
            "region" | "vpc" => OnChange::Replace,
            _ => OnChange::Update,
        }
    }

    fn waits(&self) -> Waits {
        Waits { poll_max: Duration::from_secs(3), ..Waits::default() }
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<LoadBalancerSpec>>, CloudError> {
        let all: Vec<LoadBalancer> =
            self.0.client.list_shared(cx, "list load balancers", &[PATH], &[], PATH).await?;
        all_found(cx, &all)
    }

    /// By their ids alone: one that was renamed by hand is waited for, too.
    async fn poll(
        &self,
        cx: &Context,
        ids: &[String],
    ) -> Result<Vec<Found<LoadBalancerSpec>>, CloudError> {
        let mut all = self.list(cx).await?;
        all.retain(|balancer| ids.contains(&balancer.id));
        let found = all.iter().map(|balancer| match found(cx, balancer)? {
            Some(found) => Ok(found),
            None => found_at(Address::new("load_balancer", &balancer.name), balancer),
        });
        found.collect()
    }

    /// Reads load balancers by their ids. One that was renamed by hand is still ours: its id says
    /// so.
    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<LoadBalancerSpec>>>, CloudError> {
        by_id::each(known, |known| {
            by_id::one(&self.0, cx, &[PATH], known, |known, answer: LoadBalancerAnswer| {
                let balancer = &answer.load_balancer;
                Ok(match found(cx, balancer)? {
                    Some(found) => Presence::Owned(found),
                    None => Presence::Untagged(found_at(known.address.clone(), balancer)?),
                })
            })
        })
        .await
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, LoadBalancerSpec)],
    ) -> Vec<Result<Found<LoadBalancerSpec>, CloudError>> {
        join_all(requests.iter().map(|(request, spec)| self.create_one(cx, request, spec))).await
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: LoadBalancerSpec,
    ) -> Result<Found<LoadBalancerSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        tags::ensure(&self.0.client, cx, &operation, std::slice::from_ref(&spec.tag)).await?;
        let path = &[PATH, observed.id.as_str()];
        let _gate = self.0.balancer_gate.lock().await;
        let now: Option<LoadBalancerAnswer> =
            self.0.client.get_optional(cx, &operation, path).await?;
        let now = now.as_ref().map(|answer| &answer.load_balancer);
        let firewall = self.firewall(cx, &spec, now).await?;
        let body = body(&operation, &name_of(cx, &observed.address), &spec, firewall, now)?;
        let answer: LoadBalancerAnswer =
            self.0.client.effect(cx, &operation, Method::PUT, path, &body).await?;
        Self::this(cx, &operation, &answer)
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let was_there = self.0.client.delete(cx, &operation, &[PATH, &observed.id]).await?;
        Ok(!was_there)
    }
}
