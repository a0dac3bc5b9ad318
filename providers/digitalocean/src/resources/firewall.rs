//! `firewall`: who may reach the machines with a tag. It has no owner's tag; its exact name is the
//! mark.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, KnownResource, Observed,
    OnChange, Presence, Readiness, Resource, UpdateRequest,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    api::{Api, address_of, name_of, outputs, ready},
    by_id,
    firewall_spec::FirewallSpec,
    tags,
};
use crate::wire::{Firewall, FirewallAnswer};

pub(crate) struct Firewalls(pub(crate) Arc<Api>);

pub(super) fn found(cx: &Context, firewall: &Firewall) -> Option<Found<FirewallSpec>> {
    let address = address_of(&cx.owner, "firewall", &firewall.name)?;
    Some(found_at(address, firewall))
}

/// Reads a firewall that is known to be the one at `address`.
fn found_at(address: Address, firewall: &Firewall) -> Found<FirewallSpec> {
    let spec = FirewallSpec::from_wire(firewall);
    let outputs = outputs([("id", json!(firewall.id))]);
    let mut found = ready(address, firewall.id.clone(), spec, outputs);
    // `waiting` means that machines which just got the tag are being fitted with it; that comes
    // back with every new machine and holds up nobody.
    if firewall.status == "failed" {
        found.readiness = Readiness::failed("DigitalOcean could not put it on all machines");
    }
    found
}

/// Returns the body of a create call, and of a change, which resets what it does not name: machines by
/// their ids are not managed here, and stay.
fn body(name: &str, spec: &FirewallSpec, droplet_ids: &[u64]) -> Value {
    json!({
        "name": name,
        "droplet_ids": droplet_ids,
        "tags": spec.tags,
        "inbound_rules": spec.inbound_wire(),
        "outbound_rules": spec.outbound_wire(),
    })
}

impl Firewalls {
    /// Makes the tags that a firewall names, because they must exist.
    async fn ensure_tags(
        &self,
        cx: &Context,
        operation: &str,
        spec: &FirewallSpec,
    ) -> Result<(), CloudError> {
        let rules = spec.inbound.iter().chain(&spec.outbound);
        let mut named: Vec<String> =
            spec.tags.iter().chain(rules.flat_map(|rule| &rule.tags)).cloned().collect();
        named.sort();
        named.dedup();
        tags::ensure(&self.0.client, cx, operation, &named).await
    }

    fn this(
        cx: &Context,
        operation: &str,
        firewall: &Firewall,
    ) -> Result<Found<FirewallSpec>, CloudError> {
        found(cx, firewall).ok_or_else(|| {
            CloudError::new(
                ErrorKind::MalformedResponse,
                operation,
                "the answer is about another firewall",
            )
        })
    }

    async fn create_one(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &FirewallSpec,
    ) -> Result<Found<FirewallSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        self.ensure_tags(cx, &operation, spec).await?;
        let name = name_of(cx, &request.address);
        let made: Result<FirewallAnswer, _> = self
            .0
            .client
            .effect(cx, &operation, Method::POST, &["firewalls"], &body(&name, spec, &[]))
            .await;
        match made {
            Ok(answer) => Self::this(cx, &operation, &answer.firewall),
            // Names are unique in an account: ours being taken means it was made before.
            Err(error) if matches!(error.kind, ErrorKind::NameTaken | ErrorKind::Busy) => {
                let all: Vec<Firewall> =
                    self.0.client.list(cx, &operation, &["firewalls"], &[], "firewalls").await?;
                let mut same = all.iter().filter(|firewall| firewall.name == name);
                same.find_map(|firewall| found(cx, firewall)).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Resource for Firewalls {
    type Spec = FirewallSpec;

    fn name(&self) -> &'static str {
        "firewall"
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Update
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<FirewallSpec>>, CloudError> {
        let all: Vec<Firewall> = self
            .0
            .client
            .list_shared(cx, "list firewalls", &["firewalls"], &[], "firewalls")
            .await?;
        Ok(all.iter().filter_map(|firewall| found(cx, firewall)).collect())
    }

    /// Reads firewalls by their ids. One that was renamed by hand is still ours: its id says so.
    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<FirewallSpec>>>, CloudError> {
        by_id::each(known, |known| {
            by_id::one(&self.0, cx, &["firewalls"], known, |known, answer: FirewallAnswer| {
                let untagged = || found_at(known.address.clone(), &answer.firewall);
                Ok(found(cx, &answer.firewall)
                    .map_or_else(|| Presence::Untagged(untagged()), Presence::Owned))
            })
        })
        .await
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, FirewallSpec)],
    ) -> Vec<Result<Found<FirewallSpec>, CloudError>> {
        join_all(requests.iter().map(|(request, spec)| self.create_one(cx, request, spec))).await
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: FirewallSpec,
    ) -> Result<Found<FirewallSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        self.ensure_tags(cx, &operation, &spec).await?;
        let path = &["firewalls", observed.id.as_str()];
        let now: Option<FirewallAnswer> = self.0.client.get_optional(cx, &operation, path).await?;
        let droplet_ids = now.map(|now| now.firewall.droplet_ids).unwrap_or_default();
        let body = body(&name_of(cx, &observed.address), &spec, &droplet_ids);
        let answer: FirewallAnswer =
            self.0.client.effect(cx, &operation, Method::PUT, path, &body).await?;
        Self::this(cx, &operation, &answer.firewall)
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        self.0.client.delete(cx, &operation, &["firewalls", &observed.id]).await?;
        Ok(true)
    }
}
