//! `record`: a DNS record. A TXT record beside it is the mark; both are written, and removed, by one change
//! that comes whole or not at all.

use std::{net::Ipv4Addr, sync::Arc};

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Input, KnownResource, Observed,
    OnChange, Presence, Resource, UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, create_each, known, operation, outputs, ready},
    managed_zone::{MISSING_HINT, missing_message, plain_name, zone_of},
    zone_records::{is_address, is_mark, mark, other_mark, own_names},
};
use crate::{
    ownership::is_own,
    wire::{ManagedZone, RecordSet},
};

/// A record. Its address is its full name: `record.api.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSpec {
    /// The domain of its zone.
    pub zone: Input<String>,
    /// Its full name.
    pub name: String,
    /// What it leads to: an address, or a name.
    pub target: Input<String>,
    /// Seconds that answers may be kept.
    pub ttl_s: u32,
}

pub(crate) struct Records(pub(crate) Arc<Api>);

const KIND: &str = "record";

fn found(zone: &ManagedZone, set: &RecordSet) -> Found<RecordSpec> {
    let name = plain_name(&set.name);
    let target = set.rrdatas.first().map(|data| plain_name(data)).unwrap_or_default();
    let spec = RecordSpec {
        zone: plain_name(&zone.dns_name).into(),
        name: name.clone(),
        // Further addresses of one name are not as they were written, and show as a change.
        target: if set.rrdatas.len() > 1 { set.rrdatas.join(" ") } else { target.clone() }.into(),
        ttl_s: set.ttl,
    };
    let outputs = outputs([("fqdn", json!(name)), ("target", json!(target))]);
    let id = format!("{}/{name}", zone.name);
    ready(Address::new(KIND, name), id, spec, None, outputs)
}

/// Makes the record as it shall be.
fn wanted(operation: &str, spec: &RecordSpec) -> Result<RecordSet, CloudError> {
    let target = known(operation, "target", &spec.target)?;
    let is_ip = target.parse::<Ipv4Addr>().is_ok();
    let (kind, data) = match is_ip {
        true => ("A", target.clone()),
        false => ("CNAME", format!("{}.", plain_name(target))),
    };
    Ok(RecordSet {
        name: format!("{}.", spec.name),
        kind: kind.to_owned(),
        ttl: spec.ttl_s,
        rrdatas: vec![data],
        routing_policy: None,
    })
}

/// Returns zone and name from an id.
fn parts(id: &str) -> (&str, &str) {
    id.split_once('/').unwrap_or((id, ""))
}

impl Records {
    async fn zone(
        &self,
        cx: &Context,
        operation: &str,
        domain: &str,
    ) -> Result<ManagedZone, CloudError> {
        let zones = self.0.zones(cx).await?;
        zone_of(cx, zones, domain).ok_or_else(|| {
            CloudError::new(ErrorKind::Invalid, operation, missing_message(domain))
                .with_hint(MISSING_HINT)
        })
    }

    /// Writes the record and its mark, in the place of what is there of both.
    async fn put(
        &self,
        cx: &Context,
        operation: &str,
        zone: &ManagedZone,
        spec: &RecordSpec,
        sets: &[RecordSet],
    ) -> Result<Found<RecordSpec>, CloudError> {
        let set = wanted(operation, spec)?;
        let found = found(zone, &set);
        let mut additions = vec![set, mark(cx, &spec.name)];
        let there =
            sets.iter().filter(|set| is_address(set, &spec.name) || is_mark(set, &spec.name));
        let mut deletions: Vec<RecordSet> = there.cloned().collect();
        // What is as it shall be needs no change, and a change that changes nothing is refused.
        let same: Vec<RecordSet> =
            additions.iter().filter(|set| deletions.contains(set)).cloned().collect();
        additions.retain(|set| !same.contains(set));
        deletions.retain(|set| !same.contains(set));
        self.0.change_records(cx, operation, &zone.name, &additions, &deletions).await?;
        Ok(found)
    }

    async fn create_one(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &RecordSpec,
    ) -> Result<Found<RecordSpec>, CloudError> {
        let operation = operation("create", &request.address);
        let domain = known(&operation, "zone", &spec.zone)?;
        let zone = self.zone(cx, &operation, domain).await?;
        let sets = self.0.record_sets(cx, &zone.name).await?;
        let is_ours = own_names(cx, &sets).contains(&spec.name);
        let taken = |message: String| {
            CloudError::new(ErrorKind::NameTaken, &operation, message)
                .with_hint("remove that record, or give this cluster a domain of its own")
        };
        if let Some(owner) = other_mark(cx, &sets, &spec.name) {
            return Err(taken(format!("{} belongs to another cluster, {owner}", spec.name)));
        }
        if let Some(set) = sets.iter().find(|set| is_address(set, &spec.name)).filter(|_| !is_ours)
        {
            let data = set.rrdatas.join(" ");
            let message = format!("{} has a record ({data}) that is not this cluster's", spec.name);
            return Err(taken(message));
        }
        self.put(cx, &operation, &zone, spec, &sets).await
    }

    /// Reads a record by its id.
    async fn read_one(
        &self,
        cx: &Context,
        zones: &[ManagedZone],
        known: &KnownResource,
    ) -> Result<Presence<Found<RecordSpec>>, CloudError> {
        let (zone, name) = parts(&known.id);
        let Some(zone) = zones.iter().find(|one| one.name == zone) else {
            return Ok(Presence::Absent);
        };
        let sets = self.0.record_sets(cx, &zone.name).await?;
        let Some(set) = sets.iter().find(|set| is_address(set, name)) else {
            return Ok(Presence::Absent);
        };
        if own_names(cx, &sets).iter().any(|own| own == name) {
            return Ok(Presence::Owned(found(zone, set)));
        }
        Ok(match other_mark(cx, &sets, name) {
            Some(owner) => Presence::Foreign { owner },
            None => Presence::Untagged(found(zone, set)),
        })
    }
}

#[async_trait]
impl Resource for Records {
    type Spec = RecordSpec;

    fn name(&self) -> &'static str {
        KIND
    }

    fn on_change(&self, field: &str) -> OnChange {
        match field {
            "zone" | "name" => OnChange::Replace,
            _ => OnChange::Update,
        }
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<RecordSpec>>, CloudError> {
        let domain = self.0.scope.domain.as_deref();
        let mut all = Vec::new();
        for zone in self.0.zones(cx).await? {
            let is_asked = is_own(&cx.owner, &zone.labels)
                || domain == Some(plain_name(&zone.dns_name).as_str());
            if !is_asked {
                continue;
            }
            let sets = self.0.record_sets(cx, &zone.name).await?;
            for name in own_names(cx, &sets) {
                all.extend(sets.iter().find(|set| is_address(set, &name)).map(|s| found(&zone, s)));
            }
        }
        Ok(all)
    }

    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<RecordSpec>>>, CloudError> {
        let zones = self.0.zones(cx).await?;
        let mut answers = Vec::with_capacity(known.len());
        for known in known {
            answers.push(self.read_one(cx, &zones, known).await?);
        }
        Ok(answers)
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, RecordSpec)],
    ) -> Vec<Result<Found<RecordSpec>, CloudError>> {
        create_each(requests, |request, spec| self.create_one(cx, request, spec)).await
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: RecordSpec,
    ) -> Result<Found<RecordSpec>, CloudError> {
        let observed = &request.observed;
        let operation = operation("update", &observed.address);
        let (zone, name) = parts(&observed.id);
        let zones = self.0.zones(cx).await?;
        let zone = zones.iter().find(|one| one.name == zone).ok_or_else(|| {
            let message = format!("its zone {zone} is not there any more");
            CloudError::new(ErrorKind::NotFound, &operation, message)
        })?;
        let sets = self.0.record_sets(cx, &zone.name).await?;
        if let Some(owner) = other_mark(cx, &sets, name) {
            let message = format!("{name} belongs to another cluster now, {owner}");
            return Err(CloudError::new(ErrorKind::NameTaken, operation, message)
                .with_hint("give this cluster a domain of its own"));
        }
        self.put(cx, &operation, zone, &spec, &sets).await
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = operation("delete", &observed.address);
        let (zone, name) = parts(&observed.id);
        let sets = self.0.record_sets(cx, zone).await?;
        // Between the look and now somebody else may have taken the name.
        if other_mark(cx, &sets, name).is_some() {
            return Ok(true);
        }
        let ours = sets.into_iter().filter(|set| is_address(set, name) || is_mark(set, name));
        let ours: Vec<RecordSet> = ours.collect();
        self.0.change_records(cx, &operation, zone, &[], &ours).await?;
        Ok(true)
    }
}
