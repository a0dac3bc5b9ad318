//! `record`: a DNS record. A TXT record beside it is the mark; both are written, and removed, by one
//! call that does all or nothing.

use std::{net::Ipv4Addr, sync::Arc};

use async_trait::async_trait;
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, HostedZone, ResourceRecord, ResourceRecordSet,
    RrType,
};
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Input, KnownResource, Observed,
    OnChange, UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, busy, known, outputs, ready},
    hosted_zone::{
        MISSING_HINT, is_own, missing_message, other_owner, plain_id, plain_name, zone_of,
    },
    unbatched::Unbatched,
    which::Which,
};

/// A record. Its address is its full name: `record.api.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSpec {
    /// The domain of its zone.
    pub zone: Input<String>,
    /// Its full name.
    pub name: String,
    /// The load balancer it is an alias of, by its DNS name; or an address.
    pub target: Input<String>,
    /// Seconds that answers may be kept; an alias has its target's.
    pub ttl_s: u32,
}

/// Changes in one call; the API takes a thousand.
const CHANGES_MAX: usize = 500;

pub(crate) struct Records(pub(crate) Arc<Api>);

/// Records of the cluster's domain have their mark below this label.
fn mark_name(name: &str) -> String {
    match name.strip_prefix("*.") {
        Some(rest) => format!("_infra-any.{rest}"),
        None => format!("_infra.{name}"),
    }
}

fn marked_name(mark: &str) -> Option<String> {
    match mark.strip_prefix("_infra-any.") {
        Some(rest) => Some(format!("*.{rest}")),
        None => mark.strip_prefix("_infra.").map(str::to_owned),
    }
}

fn host_of(set: &ResourceRecordSet) -> String {
    if let Some(alias) = set.alias_target() {
        let name = plain_name(alias.dns_name());
        return name.strip_prefix("dualstack.").unwrap_or(&name).to_owned();
    }
    set.resource_records().first().map_or("", |record| record.value()).to_owned()
}

fn found(zone: &HostedZone, set: &ResourceRecordSet) -> Found<RecordSpec> {
    let name = plain_name(set.name());
    let target = host_of(set);
    let spec = RecordSpec {
        zone: plain_name(zone.name()).into(),
        name: name.clone(),
        target: target.clone().into(),
        ttl_s: set.ttl().and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or_default(),
    };
    let outputs = outputs([("fqdn", json!(name)), ("target", json!(target))]);
    let id = format!("{}/{name}", plain_id(zone.id()));
    ready(Address::new("record", name), id, spec, None, outputs)
}

impl Api {
    /// Returns every record of the zone `id`; of a zone that is gone, none.
    async fn record_sets(
        &self,
        cx: &Context,
        id: &str,
    ) -> Result<Vec<ResourceRecordSet>, CloudError> {
        let listed = self.read(cx, "list records", || self.all_pages(id)).await;
        match listed {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    /// Reads all pages of a zone's records, because the SDK has no paginator for this list.
    async fn all_pages(
        &self,
        id: &str,
    ) -> Result<
        Vec<ResourceRecordSet>,
        aws_sdk_route53::error::SdkError<
            aws_sdk_route53::operation::list_resource_record_sets::ListResourceRecordSetsError,
        >,
    > {
        let mut all = Vec::new();
        let mut call = self.route53.list_resource_record_sets().hosted_zone_id(id);
        loop {
            let page = call.send().await?;
            let next = page.is_truncated().then(|| page.next_record_name().map(str::to_owned));
            let kind = page.next_record_type().cloned();
            let identifier = page.next_record_identifier().map(str::to_owned);
            all.extend(page.resource_record_sets);
            let Some(Some(name)) = next else { return Ok(all) };
            call = self
                .route53
                .list_resource_record_sets()
                .hosted_zone_id(id)
                .start_record_name(name)
                .set_start_record_type(kind)
                .set_start_record_identifier(identifier);
        }
    }

    /// Makes one change of several records: all of it, or nothing.
    async fn change_records(
        &self,
        operation: &str,
        zone: &str,
        action: &ChangeAction,
        sets: Vec<ResourceRecordSet>,
    ) -> Result<(), CloudError> {
        let wrong = |error: aws_sdk_route53::error::BuildError| busy(operation, error.to_string());
        let mut batch = ChangeBatch::builder();
        for set in sets {
            let change = Change::builder().action(action.clone()).resource_record_set(set);
            batch = batch.changes(change.build().map_err(wrong)?);
        }
        let batch = batch.build().map_err(wrong)?;
        let call = self.route53.change_resource_record_sets().hosted_zone_id(zone);
        self.effect(operation, call.change_batch(batch).send()).await.map(|_| ())
    }
}

/// Returns the records in the zone `id` that are not this cluster's and that AWS did not put there, as
/// `MX example.com`. Those of the names in `going` are known to be the cluster's.
pub(super) async fn foreign_records(
    api: &Api,
    cx: &Context,
    id: &str,
    going: &[&str],
) -> Result<Vec<String>, CloudError> {
    let sets = api.record_sets(cx, id).await?;
    let apex = sets.iter().find(|set| *set.r#type() == RrType::Soa);
    let apex = apex.map(|set| plain_name(set.name())).unwrap_or_default();
    let mut own = own_names(cx, &sets);
    own.extend(going.iter().map(|name| (*name).to_owned()));
    let foreign = sets.iter().filter_map(|set| {
        let (name, kind) = (plain_name(set.name()), set.r#type());
        let vendors = name == apex && matches!(kind, RrType::Soa | RrType::Ns);
        let ours = own
            .iter()
            .any(|own| is_address(set, own) || (*kind == RrType::Txt && name == mark_name(own)));
        (!vendors && !ours).then(|| format!("{} {name}", kind.as_str()))
    });
    Ok(foreign.collect())
}

/// Deletes every record of the zone `id` but those that AWS put there.
pub(super) async fn empty_zone(
    api: &Api,
    cx: &Context,
    operation: &str,
    id: &str,
) -> Result<(), CloudError> {
    let sets = api.record_sets(cx, id).await?;
    let apex = sets.iter().find(|set| *set.r#type() == RrType::Soa);
    let apex = apex.map(|set| plain_name(set.name())).unwrap_or_default();
    let goes = |set: &ResourceRecordSet| {
        !(plain_name(set.name()) == apex && matches!(set.r#type(), RrType::Soa | RrType::Ns))
    };
    let sets: Vec<ResourceRecordSet> = sets.into_iter().filter(goes).collect();
    for some in sets.chunks(CHANGES_MAX) {
        api.change_records(operation, id, &ChangeAction::Delete, some.to_vec()).await?;
    }
    Ok(())
}

impl Records {
    async fn zone(
        &self,
        cx: &Context,
        operation: &str,
        domain: &str,
    ) -> Result<HostedZone, CloudError> {
        let zones = self.0.zones(cx).await?;
        zone_of(cx, zones, domain).ok_or_else(|| {
            CloudError::new(ErrorKind::Invalid, operation, missing_message(domain))
                .with_hint(MISSING_HINT)
        })
    }

    /// Finds the zone of AWS's own that an alias to the load balancer `host` points into. Each load
    /// balancer has one.
    async fn alias_zone(
        &self,
        cx: &Context,
        operation: &str,
        host: &str,
    ) -> Result<String, CloudError> {
        let all = self.0.all_balancers(cx).await?;
        let balancer =
            all.iter().find(|one| one.dns_name().is_some_and(|n| n.eq_ignore_ascii_case(host)));
        let zone = balancer.and_then(|one| one.canonical_hosted_zone_id());
        zone.map(str::to_owned).ok_or_else(|| {
            let message = format!("no network load balancer of this region is called {host}");
            CloudError::new(ErrorKind::NotFound, operation, message)
        })
    }

    /// Makes the record as it shall be.
    async fn wanted(
        &self,
        cx: &Context,
        operation: &str,
        spec: &RecordSpec,
    ) -> Result<ResourceRecordSet, CloudError> {
        let target = known(operation, "target", &spec.target)?;
        let set = ResourceRecordSet::builder().name(&spec.name).r#type(RrType::A);
        let wrong = |error: aws_sdk_route53::error::BuildError| busy(operation, error.to_string());
        let set = if target.parse::<Ipv4Addr>().is_ok() {
            let record = ResourceRecord::builder().value(target).build().map_err(wrong)?;
            set.ttl(i64::from(spec.ttl_s)).resource_records(record)
        } else {
            let alias = AliasTarget::builder()
                .dns_name(target)
                .hosted_zone_id(self.alias_zone(cx, operation, target).await?)
                .evaluate_target_health(false)
                .build()
                .map_err(wrong)?;
            set.alias_target(alias)
        };
        set.build().map_err(wrong)
    }

    fn mark(
        &self,
        cx: &Context,
        operation: &str,
        name: &str,
    ) -> Result<ResourceRecordSet, CloudError> {
        let wrong = |error: aws_sdk_route53::error::BuildError| busy(operation, error.to_string());
        let value = format!("\"{}\"", cx.owner.tag());
        let record = ResourceRecord::builder().value(value).build().map_err(wrong)?;
        let set = ResourceRecordSet::builder().name(mark_name(name)).r#type(RrType::Txt);
        set.ttl(300).resource_records(record).build().map_err(wrong)
    }
}

/// Lists the names whose mark is this owner's.
fn own_names(cx: &Context, sets: &[ResourceRecordSet]) -> Vec<String> {
    let ours = format!("\"{}\"", cx.owner.tag());
    sets.iter()
        .filter(|set| *set.r#type() == RrType::Txt)
        .filter(|set| set.resource_records().iter().any(|record| record.value() == ours))
        .filter_map(|set| marked_name(&plain_name(set.name())))
        .collect()
}

/// Returns the names of `known` that are in the zone `id`.
fn names_in<'a>(id: &str, known: &'a [KnownResource]) -> Vec<&'a str> {
    let in_zone = |one: &'a KnownResource| one.id.strip_prefix(id)?.strip_prefix('/');
    known.iter().filter_map(in_zone).collect()
}

/// Returns the cluster that the mark of `name` names, if there is one.
fn owner_on_mark(sets: &[ResourceRecordSet], name: &str) -> Option<String> {
    let mark = mark_name(name);
    let texts = sets
        .iter()
        .filter(|set| *set.r#type() == RrType::Txt && plain_name(set.name()) == mark)
        .flat_map(|set| set.resource_records());
    texts.filter_map(|record| other_owner(record.value().trim_matches('"'))).next()
}

fn is_address(set: &ResourceRecordSet, name: &str) -> bool {
    plain_name(set.name()) == name && matches!(set.r#type(), RrType::A | RrType::Cname)
}

#[async_trait]
impl Unbatched for Records {
    type Spec = RecordSpec;
    const NAME: &'static str = "record";
    const KEYED: bool = true;

    fn on_change(&self, field: &str) -> OnChange {
        match field {
            "zone" | "name" => OnChange::Replace,
            "ttl_s" => OnChange::CreateOnly,
            _ => OnChange::Update,
        }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<RecordSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        let operation = format!("tag {}", observed.address);
        let zone = observed.id.split('/').next().unwrap_or_default();
        let mark = self.mark(cx, &operation, observed.address.name())?;
        self.0.change_records(&operation, zone, &ChangeAction::Upsert, vec![mark]).await
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<RecordSpec>>, CloudError> {
        let domain = self.0.scope.domain.as_deref();
        let mut all = Vec::new();
        for zone in self.0.zones(cx).await? {
            let id = plain_id(zone.id());
            let asked: Option<Vec<&str>> = which.asked().map(|known| names_in(id, known));
            let is_asked = match &asked {
                None => is_own(cx, &zone) || domain == Some(plain_name(zone.name()).as_str()),
                Some(names) => !names.is_empty(),
            };
            if !is_asked {
                continue;
            }
            let sets = self.0.record_sets(cx, zone.id()).await?;
            let own = own_names(cx, &sets);
            let names = asked.unwrap_or_else(|| own.iter().map(String::as_str).collect());
            for name in names {
                if !own.iter().any(|own| own == name) {
                    which.marked_by(&format!("{id}/{name}"), owner_on_mark(&sets, name));
                }
                all.extend(sets.iter().find(|set| is_address(set, name)).map(|s| found(&zone, s)));
            }
        }
        Ok(all)
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: RecordSpec,
    ) -> Result<Found<RecordSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let domain = known(&operation, "zone", &spec.zone)?;
        let zone = self.zone(cx, &operation, domain).await?;
        let sets = self.0.record_sets(cx, zone.id()).await?;
        let there = sets.iter().find(|set| is_address(set, &spec.name));
        if let Some(set) = there.filter(|_| !own_names(cx, &sets).contains(&spec.name)) {
            let message =
                format!("{} has a record ({}) that is not this cluster's", spec.name, host_of(set));
            return Err(CloudError::new(ErrorKind::NameTaken, operation, message)
                .with_hint("remove that record, or give this cluster a domain of its own"));
        }
        let set = self.wanted(cx, &operation, &spec).await?;
        let found = found(&zone, &set);
        let sets = vec![set, self.mark(cx, &operation, &spec.name)?];
        self.0.change_records(&operation, zone.id(), &ChangeAction::Upsert, sets).await?;
        Ok(found)
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: RecordSpec,
    ) -> Result<Found<RecordSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        let zone = observed.id.split('/').next().unwrap_or_default();
        let set = self.wanted(cx, &operation, &spec).await?;
        self.0.change_records(&operation, zone, &ChangeAction::Upsert, vec![set]).await?;
        self.again(cx, observed).await
    }

    async fn remove(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let id = observed.id.split('/').next().unwrap_or_default();
        let zones = self.0.zones(cx).await?;
        let Some(zone) = zones.iter().find(|zone| plain_id(zone.id()) == id) else {
            return Ok(true);
        };
        // A deletion has to name the whole record as it is.
        let name = observed.address.name();
        let mark = mark_name(name);
        let sets = self.0.record_sets(cx, zone.id()).await?.into_iter().filter(|set| {
            is_address(set, name)
                || (*set.r#type() == RrType::Txt && plain_name(set.name()) == mark)
        });
        let sets: Vec<_> = sets.collect();
        if !sets.is_empty() {
            self.0.change_records(&operation, zone.id(), &ChangeAction::Delete, sets).await?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_back() {
        for name in ["example.com", "api.example.com", "*.example.com"] {
            assert_eq!(marked_name(&mark_name(name)).as_deref(), Some(name));
        }
        assert_eq!(marked_name("api.example.com"), None);
        assert_eq!(plain_name("\\052.Example.com."), "*.example.com");
    }
}
