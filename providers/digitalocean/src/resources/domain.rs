//! `domain`: a DNS zone. A TXT record `_infra` in it is the mark.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use infra_provider_api::{
    Address, CloudError, Cluster, Context, CreateRequest, Diagnostic, ErrorKind, Found,
    KnownResource, Observed, OnChange, Presence, Resource, UpdateRequest,
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    api::{Api, nothing_to_update, outputs, ready},
    by_id,
    zones::{Owned, Zone},
};

/// A zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainSpec {
    /// `example.com`.
    pub name: String,
}

pub(crate) struct Domains(pub(crate) Arc<Api>);

pub(super) fn found(zone: &Zone) -> Found<DomainSpec> {
    let spec = DomainSpec { name: zone.name.clone() };
    let servers = zone.records.iter().filter(|record| record.kind == "NS");
    let mut servers: Vec<&str> = servers.filter_map(|record| record.data.as_deref()).collect();
    servers.sort_unstable();
    let outputs = outputs([("name", json!(zone.name)), ("nameservers", json!(servers))]);
    ready(Address::new("domain", &zone.name), zone.name.clone(), spec, outputs)
}

const TAKEN_HINT: &str = "set `manage_zone = false` under [dns] to put the cluster's records into it, or use a \
     subdomain of its own";

fn taken_message(name: &str) -> String {
    format!("the zone {name} is there already and is not this cluster's")
}

fn taken(operation: &str, name: &str) -> CloudError {
    CloudError::new(ErrorKind::NameTaken, operation, taken_message(name)).with_hint(TAKEN_HINT)
}

/// Returns true if this cluster can have the zone. A zone made by hand with nothing in it is
/// welcome, and so is one that a killed run has made.
fn can_take(cx: &Context, zone: &Zone) -> bool {
    match zone.owner(cx) {
        Owned::Ours => true,
        Owned::Unmarked => zone.is_bare(),
        Owned::Foreign => false,
    }
}

/// Finds a zone that belongs to somebody else, before anything is made. It makes no call but the
/// one that the plan has made already, and none if the zone is not to be made.
pub(crate) async fn zone_problem(
    api: &Api,
    cx: &Context,
    cluster: &Cluster,
    created: &[Address],
) -> Result<Option<Diagnostic>, CloudError> {
    let is_new = |domain: &str| created.contains(&Address::new("domain", domain));
    let Some(dns) = cluster.dns.as_ref().filter(|dns| dns.manage_zone && is_new(&dns.domain))
    else {
        return Ok(None);
    };
    let zone = api.zone_shared(cx, &dns.domain).await?;
    Ok(zone.filter(|zone| !can_take(cx, zone)).map(|_| {
        let found = Diagnostic::new(taken_message(&dns.domain)).help(TAKEN_HINT);
        found.in_source(dns.source.as_ref())
    }))
}

impl Domains {
    async fn create_one(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &DomainSpec,
    ) -> Result<Found<DomainSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let name = &spec.name;
        let body = json!({ "name": name });
        let made: Result<Value, _> =
            self.0.client.effect(cx, &operation, Method::POST, &["domains"], &body).await;
        let refused = match made {
            Ok(_) => None,
            Err(e) if matches!(e.kind, ErrorKind::NameTaken | ErrorKind::Invalid) => Some(e),
            Err(error) => return Err(error),
        };
        let Some(zone) = self.0.zone(cx, &operation, name).await? else {
            // Not in this account: another one has it, or the name is none.
            return Err(match refused {
                Some(error) if error.kind == ErrorKind::NameTaken => error.with_hint(
                    "another account of DigitalOcean has the zone: it must be removed there first",
                ),
                Some(error) => error,
                None => CloudError::new(
                    ErrorKind::MalformedResponse,
                    operation,
                    "made, and not to be found",
                ),
            });
        };
        if !can_take(cx, &zone) {
            return Err(taken(&operation, name));
        }
        // A bare zone without a mark: made by a run that was killed before the mark, or made by
        // hand for this tool to fill. There is nothing in it that could be lost.
        if zone.owner(cx) == Owned::Unmarked {
            self.0.mark_zone(cx, &operation, name).await?;
        }
        Ok(found(&zone))
    }
}

#[async_trait]
impl Resource for Domains {
    type Spec = DomainSpec;

    fn name(&self) -> &'static str {
        "domain"
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Replace
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<DomainSpec>>, CloudError> {
        let zones = self.0.marked_zones(cx).await?;
        Ok(zones.iter().filter(|zone| zone.owner(cx) == Owned::Ours).map(found).collect())
    }

    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<DomainSpec>>>, CloudError> {
        by_id::each(known, |known| async move {
            let operation = format!("read {}", known.address);
            let Some(zone) = self.0.zone(cx, &operation, &known.id).await? else {
                return Ok(Presence::Absent);
            };
            Ok(zone.presence(zone.owner(cx), found(&zone)))
        })
        .await
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, DomainSpec)],
    ) -> Vec<Result<Found<DomainSpec>, CloudError>> {
        join_all(requests.iter().map(|(request, spec)| self.create_one(cx, request, spec))).await
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        _spec: DomainSpec,
    ) -> Result<Found<DomainSpec>, CloudError> {
        let observed = &request.observed;
        if !request.restores_ownership() {
            return nothing_to_update(observed);
        }
        let operation = format!("update {}", observed.address);
        let gone = || CloudError::new(ErrorKind::NotFound, &operation, "it was deleted meanwhile");
        let zone = self.0.zone(cx, &operation, &observed.id).await?.ok_or_else(gone)?;
        if zone.owner(cx) == Owned::Unmarked {
            self.0.mark_zone(cx, &operation, &zone.name).await?;
        }
        Ok(found(&zone))
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        if !cx.delete_zones.contains(&observed.id) {
            // Somebody may have put a record into it since the plan was made.
            let zone = self.0.zone(cx, &operation, &observed.id).await?;
            let records = zone.map(|zone| zone.foreign_records(cx, &[])).unwrap_or_default();
            if !records.is_empty() {
                let records = records.join(", ");
                let message = format!("it holds records that are not this cluster's: {records}");
                return Err(CloudError::new(ErrorKind::Blocked, operation, message)
                    .with_hint("plan again: the zone is kept, or deleted with `--delete-zone`"));
            }
        }
        self.0.client.delete(cx, &operation, &["domains", &observed.id]).await?;
        Ok(true)
    }
}
