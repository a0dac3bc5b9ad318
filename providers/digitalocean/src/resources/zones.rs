//! Zones and the marks in them.
//!
//! DNS has no tags, so a TXT record says whose a thing is, as external-dns does it: `_infra` for the
//! zone itself, `_infra-a.<name>` for the A record of a name (`_infra-a` for the zone's apex,
//! `_infra-a._any` for `*`), each with the owner's tag as its text. A zone may so hold records
//! of several clusters, and everybody's own.
//!
//! A zone's mark that ends in `+` was written while another zone held something of the cluster (its
//! domain was being changed). Without it the cluster's zone is the only one, and a plan asks no
//! other.

use futures::{StreamExt, TryStreamExt, stream};
use infra_provider_api::{CloudError, Context, ErrorKind, Found, Presence};
use reqwest::Method;
use serde_json::json;

use super::{api::Api, record::full_name};
use crate::wire::{Domain, Record, RecordAnswer};

const ZONE_MARK: &str = "_infra";
/// At the end of a zone's mark: other zones hold something of the cluster, or did.
const MORE: char = '+';
const AT_ONCE: usize = 8;
/// How long the marks may be kept by resolvers; nobody but this tool reads them.
const MARK_TTL_S: u32 = 1800;

/// A zone of the account with all its records.
pub(super) struct Zone {
    pub(super) name: String,
    pub(super) records: Vec<Record>,
}

/// Whose something is, by its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owned {
    Ours,
    Foreign,
    Unmarked,
}

/// Makes the mark's name for a record of `kind` called `name`, relative to the zone.
pub(super) fn record_mark(kind: &str, name: &str) -> String {
    let kind = kind.to_lowercase();
    match name {
        "@" => format!("{ZONE_MARK}-{kind}"),
        // A `*` is only a wildcard at the very left.
        "*" => format!("{ZONE_MARK}-{kind}._any"),
        name => match name.strip_prefix("*.") {
            Some(rest) => format!("{ZONE_MARK}-{kind}._any.{rest}"),
            None => format!("{ZONE_MARK}-{kind}.{name}"),
        },
    }
}

/// Parses the record that a mark's name stands for.
fn marked_record(mark: &str) -> Option<(String, String)> {
    let rest = mark.strip_prefix(ZONE_MARK)?.strip_prefix('-')?;
    let (kind, name) = rest.split_once('.').unwrap_or((rest, "@"));
    let name = match name.strip_prefix("_any") {
        Some("") => "*".to_owned(),
        Some(rest) => format!("*{rest}"),
        None => name.to_owned(),
    };
    Some((kind.to_uppercase(), name))
}

fn text(record: &Record) -> &str {
    record.data.as_deref().unwrap_or_default().trim_matches('"')
}

impl Zone {
    pub(super) fn find(&self, kind: &str, name: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.kind == kind && record.name == name)
    }

    fn owned(&self, cx: &Context, mark: &str) -> Owned {
        match self.find("TXT", mark) {
            Some(record) if text(record).trim_end_matches(MORE) == cx.owner.tag() => Owned::Ours,
            Some(_) => Owned::Foreign,
            None => Owned::Unmarked,
        }
    }

    /// Returns whose the zone itself is.
    pub(super) fn owner(&self, cx: &Context) -> Owned {
        self.owned(cx, ZONE_MARK)
    }

    /// Returns the answer to a question for something in this zone, by whose it is.
    pub(super) fn presence<S>(&self, owned: Owned, found: Found<S>) -> Presence<Found<S>> {
        match owned {
            Owned::Ours => Presence::Owned(found),
            Owned::Unmarked => Presence::Untagged(found),
            Owned::Foreign => {
                Presence::Foreign { owner: format!("another cluster in {}", self.name) }
            }
        }
    }

    /// Returns true if it is the only zone with something of the cluster.
    fn is_only(&self, cx: &Context) -> bool {
        self.find("TXT", ZONE_MARK).is_some_and(|record| text(record) == cx.owner.tag())
    }

    /// Returns whose the record is.
    pub(super) fn record_owner(&self, cx: &Context, kind: &str, name: &str) -> Owned {
        self.owned(cx, &record_mark(kind, name))
    }

    /// Lists the records of this cluster that exist or are about to.
    fn own_marks(&self, cx: &Context) -> Vec<(String, String)> {
        let tag = cx.owner.tag();
        self.records
            .iter()
            .filter(|record| record.kind == "TXT" && text(record) == tag)
            .filter_map(|record| marked_record(&record.name))
            .collect()
    }

    /// Returns this cluster's marks called `name`.
    pub(super) fn own_texts(&self, cx: &Context, name: &str) -> Vec<&Record> {
        let tag = cx.owner.tag();
        let own =
            |record: &&Record| record.kind == "TXT" && record.name == name && text(record) == tag;
        self.records.iter().filter(own).collect()
    }

    /// Lists the records of this cluster.
    pub(super) fn own_records(&self, cx: &Context) -> Vec<&Record> {
        let marks = self.own_marks(cx);
        marks.iter().filter_map(|(kind, name)| self.find(kind, name)).collect()
    }

    /// Returns the records that are not this cluster's and that the vendor did not put there, as
    /// `MX example.com`. Those whose ids are in `going` are known to be the cluster's.
    pub(super) fn foreign_records(&self, cx: &Context, going: &[&str]) -> Vec<String> {
        let own = self.own_marks(cx);
        let foreign = self.records.iter().filter(|record| {
            let kind = record.kind.as_str();
            let vendors = kind == "SOA" || (kind == "NS" && record.name == "@");
            let mark = kind == "TXT"
                && record.name.starts_with(ZONE_MARK)
                && text(record).trim_end_matches(MORE) == cx.owner.tag();
            let ours = own.iter().any(|(of, name)| of == kind && *name == record.name);
            !vendors && !mark && !ours && !going.contains(&record.id.to_string().as_str())
        });
        foreign
            .map(|record| format!("{} {}", record.kind, full_name(&record.name, &self.name)))
            .collect()
    }

    /// Returns true if it has nothing but what the vendor puts into each zone.
    pub(super) fn is_bare(&self) -> bool {
        self.records.iter().all(|record| matches!(record.kind.as_str(), "NS" | "SOA"))
    }
}

impl Api {
    /// Reads all zones of the account that may hold marks, with their records. It makes one call if
    /// the cluster's zone is the only one.
    pub(super) async fn marked_zones(&self, cx: &Context) -> Result<Vec<Zone>, CloudError> {
        if let Some(domain) = &self.scope.domain {
            let zone = self.zone_shared(cx, domain).await?;
            if let Some(zone) = zone.filter(|zone| zone.is_only(cx)) {
                return Ok(vec![zone]);
            }
        }
        self.all_marked_zones(cx).await
    }

    /// Reads them from a list of all zones. Those whose file is shown and names no mark are not
    /// asked for their records.
    async fn all_marked_zones(&self, cx: &Context) -> Result<Vec<Zone>, CloudError> {
        let all: Vec<Domain> =
            self.client.list_shared(cx, "list domains", &["domains"], &[], "domains").await?;
        let candidates = all.into_iter().filter(|domain| match domain.zone_file.as_deref() {
            None | Some("") => true,
            Some(file) => file.contains(ZONE_MARK),
        });
        stream::iter(candidates)
            .map(|domain| async move { self.zone_shared(cx, &domain.name).await })
            .buffered(AT_ONCE)
            .try_filter_map(|zone| async { Ok(zone) })
            .try_collect()
            .await
    }

    /// Reads a zone as a recent listing shows it. Returns `None` if the account has no such zone.
    pub(super) async fn zone_shared(
        &self,
        cx: &Context,
        name: &str,
    ) -> Result<Option<Zone>, CloudError> {
        let path = &["domains", name, "records"];
        let records =
            self.client.list_shared(cx, "list DNS records", path, &[], "domain_records").await;
        match records {
            Ok(records) => Ok(Some(Zone { name: name.to_owned(), records })),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a zone as it is now. Returns `None` if the account has no such zone.
    pub(super) async fn zone(
        &self,
        cx: &Context,
        operation: &str,
        name: &str,
    ) -> Result<Option<Zone>, CloudError> {
        let path = &["domains", name, "records"];
        match self.client.list(cx, operation, path, &[], "domain_records").await {
            Ok(records) => Ok(Some(Zone { name: name.to_owned(), records })),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn add_record(
        &self,
        cx: &Context,
        operation: &str,
        zone: &str,
        record: (&str, &str, &str, u32),
    ) -> Result<Record, CloudError> {
        let (kind, name, data, ttl_s) = record;
        let body = json!({ "type": kind, "name": name, "data": data, "ttl": ttl_s });
        let path = &["domains", zone, "records"];
        let answer: RecordAnswer =
            self.client.effect(cx, operation, Method::POST, path, &body).await?;
        Ok(answer.domain_record)
    }

    /// Writes the mark of the zone itself.
    pub(super) async fn mark_zone(
        &self,
        cx: &Context,
        operation: &str,
        name: &str,
    ) -> Result<(), CloudError> {
        let zones = self.all_marked_zones(cx).await?;
        let more = zones.iter().any(|zone| {
            let holds = zone.owner(cx) == Owned::Ours || !zone.own_marks(cx).is_empty();
            zone.name != name && holds
        });
        let mut mark = cx.owner.tag();
        mark.extend(more.then_some(MORE));
        self.add_record(cx, operation, name, ("TXT", ZONE_MARK, &mark, MARK_TTL_S)).await.map(drop)
    }

    /// Writes a mark.
    pub(super) async fn add_mark(
        &self,
        cx: &Context,
        operation: &str,
        zone: &str,
        mark: &str,
    ) -> Result<(), CloudError> {
        let tag = cx.owner.tag();
        self.add_record(cx, operation, zone, ("TXT", mark, &tag, MARK_TTL_S)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_names_its_record_and_back() {
        for name in ["@", "*", "api", "*.eu", "a.b", "api-infra"] {
            let mark = record_mark("A", name);
            assert_eq!(marked_record(&mark), Some(("A".to_owned(), name.to_owned())), "{mark}");
        }
        assert_eq!(marked_record("_infra"), None);
        assert_eq!(marked_record("www"), None);
        assert_eq!(record_mark("A", "*.eu"), "_infra-a._any.eu");
    }
}
