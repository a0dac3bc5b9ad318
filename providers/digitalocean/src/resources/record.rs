//! `record`: a DNS record. A TXT record beside it is the mark (see `zones`), written before it and
//! removed after it, so that there is never a record of ours without one.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Input, KnownResource, Observed,
    OnChange, Presence, Resource, UpdateRequest,
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, known, outputs, ready},
    by_id,
    zones::{Owned, Zone, record_mark},
};
use crate::wire::{Record, RecordAnswer};

/// A record. Its address is its full name: `record.api.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSpec {
    /// The zone.
    pub domain: Input<String>,
    /// Relative to the zone; `@` is the zone itself, `*` everything below it.
    pub name: String,
    /// `A`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it says: an address.
    pub data: Input<String>,
    /// Seconds that answers may be kept.
    pub ttl_s: u32,
}

pub(crate) struct Records(pub(crate) Arc<Api>);

/// Returns the full name of `name` in `zone`.
pub(crate) fn full_name(name: &str, zone: &str) -> String {
    if name == "@" { zone.to_owned() } else { format!("{name}.{zone}") }
}

pub(super) fn found(zone: &str, record: &Record) -> Found<RecordSpec> {
    let full_name = full_name(&record.name, zone);
    let spec = RecordSpec {
        domain: zone.to_owned().into(),
        name: record.name.clone(),
        kind: record.kind.clone(),
        data: record.data.clone().unwrap_or_default().into(),
        ttl_s: record.ttl.unwrap_or_default(),
    };
    let outputs = outputs([
        ("id", json!(record.id)),
        ("fqdn", json!(full_name)),
        ("data", json!(record.data)),
    ]);
    ready(Address::new("record", full_name), record.id.to_string(), spec, outputs)
}

fn taken(operation: &str, zone: &str, record: &Record) -> CloudError {
    let name = full_name(&record.name, zone);
    let data = record.data.as_deref().unwrap_or_default();
    CloudError::new(
        ErrorKind::NameTaken,
        operation,
        format!("{name} has a {} record ({data}) that is not this cluster's", record.kind),
    )
    .with_hint("remove that record, or give this cluster a domain of its own")
}

impl Records {
    async fn create_one(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &RecordSpec,
    ) -> Result<Found<RecordSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let domain = known(&operation, "domain", &spec.domain)?;
        let data = known(&operation, "data", &spec.data)?;
        let Some(zone) = self.0.zone(cx, &operation, domain).await? else {
            let message = format!("the account has no zone {domain}");
            return Err(CloudError::new(ErrorKind::NotFound, operation, message)
                .with_hint("set `manage_zone = true` under [dns] to have it made"));
        };
        let owner = zone.record_owner(cx, &spec.kind, &spec.name);
        if let Some(record) = blocking(&zone, spec, owner) {
            return Err(taken(&operation, domain, record));
        }
        if owner == Owned::Foreign {
            let message = "another cluster is about to make it, or was";
            return Err(CloudError::new(ErrorKind::NameTaken, operation, message)
                .with_hint("give this cluster a domain of its own"));
        }
        let existing = zone.find(&spec.kind, &spec.name);
        if let Some(record) = existing {
            return self.put(cx, &operation, domain, &record.id.to_string(), spec, data).await;
        }
        if owner == Owned::Unmarked {
            let mark = record_mark(&spec.kind, &spec.name);
            self.0.add_mark(cx, &operation, domain, &mark).await?;
        }
        let record = (spec.kind.as_str(), spec.name.as_str(), data.as_str(), spec.ttl_s);
        let record = self.0.add_record(cx, &operation, domain, record).await?;
        Ok(found(domain, &record))
    }

    async fn put(
        &self,
        cx: &Context,
        operation: &str,
        domain: &str,
        id: &str,
        spec: &RecordSpec,
        data: &str,
    ) -> Result<Found<RecordSpec>, CloudError> {
        let body = json!({
            "type": spec.kind, "name": spec.name, "data": data, "ttl": spec.ttl_s,
        });
        let path = &["domains", domain, "records", id];
        let answer: RecordAnswer =
            self.0.client.effect(cx, operation, Method::PUT, path, &body).await?;
        Ok(found(domain, &answer.domain_record))
    }
}

/// Finds a record that must not be touched and stands in the way. It is the wanted record without
/// our mark, or an alias, beside which nothing else may be.
fn blocking<'a>(zone: &'a Zone, spec: &RecordSpec, owner: Owned) -> Option<&'a Record> {
    let same = zone.find(&spec.kind, &spec.name).filter(|_| owner != Owned::Ours);
    same.or_else(|| zone.find("CNAME", &spec.name).filter(|_| spec.kind != "CNAME"))
}

#[async_trait]
impl Resource for Records {
    type Spec = RecordSpec;

    fn name(&self) -> &'static str {
        "record"
    }

    fn on_change(&self, field: &str) -> OnChange {
        match field {
            "data" | "ttl_s" => OnChange::Update,
            _ => OnChange::Replace,
        }
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<RecordSpec>>, CloudError> {
        let zones = self.0.marked_zones(cx).await?;
        let own = |zone: &Zone| -> Vec<_> {
            zone.own_records(cx).into_iter().map(|record| found(&zone.name, record)).collect()
        };
        Ok(zones.iter().flat_map(own).collect())
    }

    /// Reads records by their ids, which are unique in their zone; the state names the zone.
    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<RecordSpec>>>, CloudError> {
        by_id::each(known, |known| async move {
            let Some(domain) = known.spec.text("domain") else { return Ok(Presence::Absent) };
            let operation = format!("read {}", known.address);
            let Some(zone) = self.0.zone(cx, &operation, &domain).await? else {
                return Ok(Presence::Absent);
            };
            let is_same = |record: &&Record| record.id.to_string() == known.id;
            if let Some(record) = zone.records.iter().find(is_same) {
                let owned = zone.record_owner(cx, &record.kind, &record.name);
                return Ok(zone.presence(owned, found(&domain, record)));
            }
            // A list that lacks the record lacks its mark, too, which was written before it.
            let path = &["domains", domain.as_str(), "records"];
            by_id::one(&self.0, cx, path, known, |_, answer: RecordAnswer| {
                Ok(Presence::Owned(found(&domain, &answer.domain_record)))
            })
            .await
        })
        .await
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, RecordSpec)],
    ) -> Vec<Result<Found<RecordSpec>, CloudError>> {
        join_all(requests.iter().map(|(request, spec)| self.create_one(cx, request, spec))).await
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: RecordSpec,
    ) -> Result<Found<RecordSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        let domain = known(&operation, "domain", &spec.domain)?;
        let data = known(&operation, "data", &spec.data)?;
        if request.restores_ownership()
            && let Some(zone) = self.0.zone(cx, &operation, domain).await?
            && zone.record_owner(cx, &spec.kind, &spec.name) == Owned::Unmarked
        {
            let mark = record_mark(&spec.kind, &spec.name);
            self.0.add_mark(cx, &operation, domain, &mark).await?;
        }
        self.put(cx, &operation, domain, &observed.id, &spec, data).await
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let spec: RecordSpec = serde_json::from_value(observed.spec.value()).map_err(|error| {
            let message = format!("the observed record makes no sense: {error}");
            CloudError::new(ErrorKind::Local, &operation, message)
        })?;
        let domain = known(&operation, "domain", &spec.domain)?;
        let path = |id: String| ["domains".to_owned(), domain.clone(), "records".to_owned(), id];
        let delete = async |id: String| {
            let path = path(id);
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            self.0.client.delete(cx, &operation, &path).await
        };
        delete(observed.id.clone()).await?;
        if let Some(zone) = self.0.zone(cx, &operation, domain).await? {
            let mark = record_mark(&spec.kind, &spec.name);
            // More than one, where a list lagged behind while the mark was written.
            for mark in zone.own_texts(cx, &mark) {
                delete(mark.id.to_string()).await?;
            }
        }
        Ok(true)
    }
}
