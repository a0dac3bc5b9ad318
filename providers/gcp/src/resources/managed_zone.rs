//! `managed_zone`: the domain. Its labels, given in the create call, are the mark.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, KnownResource, Observed,
    OnChange, Presence, Resource, UpdateRequest,
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::{
    api::{Api, create_each, each, nothing_to_update, operation, outputs, ready},
    zone_records::{foreign_records, joined},
};
use crate::{
    ownership::{self, intent, is_own, other_owner},
    wire::ManagedZone,
};

/// A zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedZoneSpec {
    /// The domain: `example.com`.
    pub name: String,
}

pub(crate) struct ManagedZones(pub(crate) Arc<Api>);

pub(super) const KIND: &str = "managed_zone";
/// Longest name of a zone in the project.
const NAME_MAX: usize = 63;

/// Returns a name as a person writes it: without the root's dot.
pub(super) fn plain_name(name: &str) -> String {
    name.trim_end_matches('.').to_lowercase()
}

impl Api {
    /// Lists the public zones of the project.
    pub(super) async fn zones(&self, cx: &Context) -> Result<Vec<ManagedZone>, CloudError> {
        let url = self.client.dns(&["managedZones"]);
        let mut all: Vec<ManagedZone> =
            self.client.list_shared(cx, "list zones", &url, &[]).await?;
        all.retain(|zone| zone.visibility != "private");
        Ok(all)
    }

    pub(super) fn zone_url(&self, zone: &str) -> Url {
        self.client.dns(&["managedZones", zone])
    }
}

/// What helps against a zone of that name which belongs to somebody else.
pub(super) const TAKEN_HINT: &str = "set `manage_zone = false` under [dns] to put records into it, or choose \
                          another domain";
/// What helps against a zone that is not there.
pub(super) const MISSING_HINT: &str = "set `manage_zone = true` under [dns] to have it made";

pub(super) fn taken_message(domain: &str, zone: &ManagedZone) -> String {
    format!("the project has a zone {domain} ({}) that is not this cluster's", zone.name)
}

pub(super) fn missing_message(domain: &str) -> String {
    format!("the project has no public zone {domain}, or several and none of this cluster's")
}

/// Chooses the zone that records of `domain` go into: of several, the one that this cluster made.
pub(super) fn zone_of(cx: &Context, zones: Vec<ManagedZone>, domain: &str) -> Option<ManagedZone> {
    let mut same: Vec<ManagedZone> =
        zones.into_iter().filter(|zone| plain_name(&zone.dns_name) == domain).collect();
    if same.len() > 1 {
        same.retain(|zone| is_own(&cx.owner, &zone.labels));
    }
    same.pop()
}

/// Returns the name that the zone of a domain has in the project.
fn zone_name(cx: &Context, domain: &str) -> String {
    let name = cx.owner.exact_name(&domain.replace('.', "-"));
    if name.len() <= NAME_MAX {
        return name;
    }
    cx.owner.exact_name(&hex::encode(&Sha256::digest(domain)[..6]))
}

fn found(zone: &ManagedZone) -> Found<ManagedZoneSpec> {
    let name = plain_name(&zone.dns_name);
    let servers: Vec<String> = zone.name_servers.iter().map(|one| plain_name(one)).collect();
    let outputs = outputs([
        ("id", json!(zone.name)),
        ("name", json!(name)),
        ("name_servers", json!(servers)),
    ]);
    let address = Address::new(KIND, &name);
    ready(address, &zone.name, ManagedZoneSpec { name }, intent(&zone.labels), outputs)
}

impl ManagedZones {
    async fn create_one(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &ManagedZoneSpec,
    ) -> Result<Found<ManagedZoneSpec>, CloudError> {
        let operation = operation("create", &request.address);
        let taken = |zone: &ManagedZone| {
            let message = taken_message(&spec.name, zone);
            CloudError::new(ErrorKind::NameTaken, &operation, message).with_hint(TAKEN_HINT)
        };
        let zones = self.0.zones(cx).await?;
        let same: Vec<&ManagedZone> =
            zones.iter().filter(|zone| plain_name(&zone.dns_name) == spec.name).collect();
        if let Some(zone) = same.iter().find(|zone| is_own(&cx.owner, &zone.labels)) {
            return Ok(found(zone));
        }
        // Google would make a second zone of that name, which nobody is delegated to.
        if let Some(zone) = same.first() {
            return Err(taken(zone));
        }
        let name = zone_name(cx, &spec.name);
        let body = json!({
            "name": name,
            "dnsName": format!("{}.", spec.name),
            "description": format!("Zone of the cluster {}", cx.owner.cluster),
            "labels": ownership::labels(&cx.owner, &request.address, &request.intent_key),
            "visibility": "public",
        });
        let url = self.0.client.dns(&["managedZones"]);
        let made = self.0.client.effect(cx, &operation, Method::POST, &url, Some(&body)).await;
        let zone: ManagedZone = match made {
            Ok(zone) => zone,
            Err(error) if error.kind == ErrorKind::NameTaken => {
                let url = self.0.zone_url(&name);
                self.0.client.get_optional(cx, &operation, &url).await?.ok_or(error)?
            }
            Err(error) => return Err(error),
        };
        if is_own(&cx.owner, &zone.labels) { Ok(found(&zone)) } else { Err(taken(&zone)) }
    }
}

#[async_trait]
impl Resource for ManagedZones {
    type Spec = ManagedZoneSpec;

    fn name(&self) -> &'static str {
        KIND
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Replace
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<ManagedZoneSpec>>, CloudError> {
        let all = self.0.zones(cx).await?;
        Ok(all.iter().filter(|zone| is_own(&cx.owner, &zone.labels)).map(found).collect())
    }

    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<ManagedZoneSpec>>>, CloudError> {
        each(known, |known| async move {
            let operation = operation("read", &known.address);
            let url = self.0.zone_url(&known.id);
            let zone: Option<ManagedZone> =
                self.0.client.get_optional(cx, &operation, &url).await?;
            let Some(zone) = zone else { return Ok(Presence::Absent) };
            if let Some(owner) = other_owner(&cx.owner, &zone.labels) {
                return Ok(Presence::Foreign { owner });
            }
            let own = is_own(&cx.owner, &zone.labels);
            let found = found(&zone);
            Ok(if own { Presence::Owned(found) } else { Presence::Untagged(found) })
        })
        .await
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, ManagedZoneSpec)],
    ) -> Vec<Result<Found<ManagedZoneSpec>, CloudError>> {
        create_each(requests, |request, spec| self.create_one(cx, request, spec)).await
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        _spec: ManagedZoneSpec,
    ) -> Result<Found<ManagedZoneSpec>, CloudError> {
        let observed = &request.observed;
        if !request.restores_ownership() {
            return nothing_to_update(observed);
        }
        let operation = operation("update", &observed.address);
        let url = self.0.zone_url(&observed.id);
        let mut zone: ManagedZone = self.0.client.get(cx, &operation, &url).await?;
        zone.labels.extend(ownership::ownership(&cx.owner, &observed.address));
        // A patch of labels replaces all of them.
        let body = json!({"labels": zone.labels});
        let _: Value =
            self.0.client.effect(cx, &operation, Method::PATCH, &url, Some(&body)).await?;
        Ok(found(&zone))
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = operation("delete", &observed.address);
        if cx.delete_zones.iter().any(|zone| zone == observed.address.name()) {
            self.0.empty_zone(cx, &operation, &observed.id).await?;
        }
        let url = self.0.zone_url(&observed.id);
        let deleted: Result<Value, _> =
            self.0.client.effect(cx, &operation, Method::DELETE, &url, None::<&()>).await;
        match deleted {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(true),
            Err(error) if matches!(error.kind, ErrorKind::Busy | ErrorKind::Invalid) => {
                let foreign = foreign_records(&self.0, cx, &observed.id, &[]).await;
                let records = foreign.unwrap_or_default();
                if records.is_empty() {
                    return Err(error);
                }
                let records = joined(&records);
                let message = format!("it holds records that are not this cluster's: {records}");
                Err(CloudError { kind: ErrorKind::Blocked, message, ..error }
                    .with_hint("plan again: the zone is kept, or deleted with `--delete-zone`"))
            }
            Err(error) => Err(error),
        }
    }
}
