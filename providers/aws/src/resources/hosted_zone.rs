//! `hosted_zone`: the domain. Its comment, given in the create call, is the mark.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_route53::types::{HostedZone, HostedZoneConfig};
use infra_provider_api::{
    Address, CloudError, Cluster, Context, CreateRequest, Diagnostic, ErrorKind, Found, Observed,
    OnChange,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, not_told, outputs, ready},
    record::{empty_zone, foreign_records},
    strangers::joined,
    unbatched::Unbatched,
    which::Which,
};
use crate::client::is_code;

/// A zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostedZoneSpec {
    /// The domain: `example.com`.
    pub name: String,
}

pub(crate) struct HostedZones(pub(crate) Arc<Api>);

/// Returns the id without what the API puts before it.
pub(super) fn plain_id(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// Returns a name as a person writes it: without the root's dot, `*` as `*`.
pub(super) fn plain_name(name: &str) -> String {
    name.trim_end_matches('.').replace("\\052", "*").to_lowercase()
}

pub(super) fn is_own(cx: &Context, zone: &HostedZone) -> bool {
    zone.config().and_then(|config| config.comment()) == Some(cx.owner.tag().as_str())
}

/// Returns the cluster that a mark in Route 53 names. Any other text is nobody's mark.
pub(super) fn other_owner(mark: &str) -> Option<String> {
    mark.strip_prefix("infra:").map(str::to_owned)
}

impl Api {
    /// Lists the public zones of the account.
    pub(super) async fn zones(&self, cx: &Context) -> Result<Vec<HostedZone>, CloudError> {
        let all = self
            .read(cx, "list hosted zones", || {
                let pages = self.route53.list_hosted_zones().into_paginator().items().send();
                pages.collect::<Result<Vec<_>, _>>()
            })
            .await?;
        let public = |zone: &HostedZone| !zone.config().is_some_and(|config| config.private_zone());
        Ok(all.into_iter().filter(public).collect())
    }
}

/// What helps against a zone of that name which belongs to somebody else.
const TAKEN_HINT: &str = "set `manage_zone = false` under [dns] to put records into it, or choose \
                          another domain";
/// What helps against a zone that is not there.
pub(super) const MISSING_HINT: &str = "set `manage_zone = true` under [dns] to have it made";

fn taken_message(domain: &str, zone: &HostedZone) -> String {
    let id = plain_id(zone.id());
    format!("the account has a zone {domain} ({id}) that is not this cluster's")
}

pub(super) fn missing_message(domain: &str) -> String {
    format!("the account has no zone {domain}, or several and none of this cluster's")
}

/// Chooses the zone that records of `domain` go into: of several, the one that this cluster made.
pub(super) fn zone_of(cx: &Context, zones: Vec<HostedZone>, domain: &str) -> Option<HostedZone> {
    let mut same: Vec<HostedZone> =
        zones.into_iter().filter(|zone| plain_name(zone.name()) == domain).collect();
    if same.len() > 1 {
        same.retain(|zone| is_own(cx, zone));
    }
    same.pop()
}

/// Finds a zone that is missing, or that belongs to somebody else, before anything is made. It makes
/// one call, and none if neither the zone nor a record in it is to be made.
pub(crate) async fn zone_problem(
    api: &Api,
    cx: &Context,
    cluster: &Cluster,
    created: &[Address],
) -> Result<Option<Diagnostic>, CloudError> {
    let Some(dns) = &cluster.dns else { return Ok(None) };
    let is_concerned = |one: &&Address| match dns.manage_zone {
        true => **one == Address::new(HostedZones::NAME, &dns.domain),
        false => one.kind() == "record",
    };
    if !created.iter().any(|one| is_concerned(&one)) {
        return Ok(None);
    }
    let zones = api.zones(cx).await?;
    let problem = |message: String, help: &str| {
        Diagnostic::new(message).help(help).in_source(dns.source.as_ref())
    };
    if !dns.manage_zone {
        let there = zone_of(cx, zones, &dns.domain);
        let missing = || problem(missing_message(&dns.domain), MISSING_HINT);
        return Ok(there.is_none().then(missing));
    }
    let mut same = zones.iter().filter(|zone| plain_name(zone.name()) == dns.domain);
    let theirs = same.next().filter(|zone| !is_own(cx, zone));
    Ok(theirs.map(|zone| problem(taken_message(&dns.domain, zone), TAKEN_HINT)))
}

fn found(zone: &HostedZone) -> Found<HostedZoneSpec> {
    let name = plain_name(zone.name());
    let id = plain_id(zone.id());
    let address = Address::new("hosted_zone", &name);
    let outputs = outputs([("id", json!(id)), ("name", json!(name))]);
    ready(address, id, HostedZoneSpec { name }, None, outputs)
}

#[async_trait]
impl Unbatched for HostedZones {
    type Spec = HostedZoneSpec;
    const NAME: &'static str = "hosted_zone";
    /// Its caller reference is the key.
    const KEYED: bool = true;

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Replace
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<HostedZoneSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        let call = self.0.route53.update_hosted_zone_comment().id(&observed.id);
        let call = call.comment(cx.owner.tag()).send();
        self.0.effect(&format!("tag {}", observed.address), call).await.map(drop)
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<HostedZoneSpec>>, CloudError> {
        let all = self.0.zones(cx).await?;
        let asked = all.iter().filter(|zone| {
            let comment = zone.config().and_then(|config| config.comment()).unwrap_or_default();
            is_own(cx, zone) || which.marked_by(plain_id(zone.id()), other_owner(comment)).is_some()
        });
        Ok(asked.map(found).collect())
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: HostedZoneSpec,
    ) -> Result<Found<HostedZoneSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let zones = self.0.zones(cx).await?;
        let same = zones.iter().find(|zone| plain_name(zone.name()) == spec.name);
        match same {
            Some(zone) if is_own(cx, zone) => return Ok(found(zone)),
            // AWS would make a second zone of that name, which nobody is delegated to.
            Some(zone) => {
                let message = taken_message(&spec.name, zone);
                let error = CloudError::new(ErrorKind::NameTaken, operation, message);
                return Err(error.with_hint(TAKEN_HINT));
            }
            None => {}
        }
        let config = HostedZoneConfig::builder().comment(cx.owner.tag()).build();
        let call = self
            .0
            .route53
            .create_hosted_zone()
            .name(&spec.name)
            .caller_reference(&request.intent_key)
            .hosted_zone_config(config);
        let made = self.0.effect(&operation, call.send()).await?;
        let zone = made.hosted_zone().ok_or_else(|| not_told(&operation))?;
        Ok(found(zone))
    }

    async fn remove(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        if cx.delete_zones.iter().any(|zone| zone == observed.address.name()) {
            empty_zone(&self.0, cx, &operation, &observed.id).await?;
        }
        let call = self.0.route53.delete_hosted_zone().id(&observed.id).send();
        match self.0.delete(&operation, call).await {
            Ok(()) => Ok(true),
            Err(error) if is_code(&error, "HostedZoneNotEmpty") => {
                let records =
                    foreign_records(&self.0, cx, &observed.id, &[]).await.unwrap_or_default();
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
