//! Records of a zone: whose they are, and changes that come whole or not at all. A TXT record beside a
//! record of this cluster's is its mark.

use infra_provider_api::{CloudError, Context, ErrorKind};
use reqwest::Method;
use serde_json::{Value, json};

use super::{api::Api, managed_zone::plain_name};
use crate::wire::RecordSet;

/// Changes in one call; the API takes a thousand.
const CHANGES_MAX: usize = 500;
/// Names that an error lists.
const SHOWN_MAX: usize = 5;
/// Seconds that answers for a mark may be kept.
const MARK_TTL_S: u32 = 300;

/// Returns the name of the mark of a record.
pub(super) fn mark_name(name: &str) -> String {
    match name.strip_prefix("*.") {
        Some(rest) => format!("_infra-any.{rest}"),
        None => format!("_infra.{name}"),
    }
}

/// Returns the name of the record that a mark is of.
pub(super) fn marked_name(mark: &str) -> Option<String> {
    match mark.strip_prefix("_infra-any.") {
        Some(rest) => Some(format!("*.{rest}")),
        None => mark.strip_prefix("_infra.").map(str::to_owned),
    }
}

/// Makes the mark of this cluster's record `name`.
pub(super) fn mark(cx: &Context, name: &str) -> RecordSet {
    RecordSet {
        name: format!("{}.", mark_name(name)),
        kind: "TXT".to_owned(),
        ttl: MARK_TTL_S,
        rrdatas: vec![format!("\"{}\"", cx.owner.tag())],
        routing_policy: None,
    }
}

/// Returns what the mark of a record says.
fn mark_text(set: &RecordSet) -> Option<&str> {
    (set.kind == "TXT").then_some(())?;
    set.rrdatas.iter().map(|data| data.trim_matches('"')).find(|text| text.starts_with("infra:"))
}

/// Lists the names whose mark is this owner's.
pub(super) fn own_names(cx: &Context, sets: &[RecordSet]) -> Vec<String> {
    let ours = cx.owner.tag();
    sets.iter()
        .filter(|set| mark_text(set) == Some(ours.as_str()))
        .filter_map(|set| marked_name(&plain_name(&set.name)))
        .collect()
}

/// Returns the other cluster that the mark of `name` names, if there is one.
pub(super) fn other_mark(cx: &Context, sets: &[RecordSet], name: &str) -> Option<String> {
    let mark = mark_name(name);
    let texts = sets.iter().filter(|set| plain_name(&set.name) == mark).filter_map(mark_text);
    let mut others = texts.filter(|text| *text != cx.owner.tag());
    others.next().and_then(|text| text.strip_prefix("infra:")).map(str::to_owned)
}

/// Reports whether a set is what `name` resolves to.
pub(super) fn is_address(set: &RecordSet, name: &str) -> bool {
    plain_name(&set.name) == name && matches!(set.kind.as_str(), "A" | "CNAME")
}

/// Reports whether a set is the mark of `name`.
pub(super) fn is_mark(set: &RecordSet, name: &str) -> bool {
    set.kind == "TXT" && plain_name(&set.name) == mark_name(name)
}

/// Writes some names in an error.
pub(super) fn joined(names: &[String]) -> String {
    let more = names.len().saturating_sub(SHOWN_MAX);
    let shown = names.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// Reports whether Google put the set there. It goes with the zone.
fn is_of_vendor(apex: &str, set: &RecordSet) -> bool {
    plain_name(&set.name) == apex && matches!(set.kind.as_str(), "SOA" | "NS")
}

fn apex_of(sets: &[RecordSet]) -> String {
    let apex = sets.iter().find(|set| set.kind == "SOA");
    apex.map(|set| plain_name(&set.name)).unwrap_or_default()
}

impl Api {
    /// Returns every record of a zone; of a zone that is gone, none.
    pub(super) async fn record_sets(
        &self,
        cx: &Context,
        zone: &str,
    ) -> Result<Vec<RecordSet>, CloudError> {
        let url = self.client.dns(&["managedZones", zone, "rrsets"]);
        match self.client.list_shared(cx, "list records", &url, &[]).await {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    /// Makes one change of several records: all of it, or nothing. What is taken away must be named as it is,
    /// so a change that somebody overtook is refused.
    pub(super) async fn change_records(
        &self,
        cx: &Context,
        operation: &str,
        zone: &str,
        additions: &[RecordSet],
        deletions: &[RecordSet],
    ) -> Result<(), CloudError> {
        if additions.is_empty() && deletions.is_empty() {
            return Ok(());
        }
        let url = self.client.dns(&["managedZones", zone, "changes"]);
        let body = json!({"additions": additions, "deletions": deletions});
        let changed: Result<Value, _> =
            self.client.effect(cx, operation, Method::POST, &url, Some(&body)).await;
        match changed {
            Ok(_) => Ok(()),
            // What is to be added is there, or what is to be taken away is not as it was: somebody was faster.
            Err(error)
                if error.kind == ErrorKind::NameTaken
                    || (error.kind == ErrorKind::NotFound && !deletions.is_empty()) =>
            {
                let message = format!("the records changed meanwhile: {}", error.message);
                Err(CloudError { kind: ErrorKind::Busy, message, hint: None, ..error })
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes every record of a zone but those that Google put there.
    pub(super) async fn empty_zone(
        &self,
        cx: &Context,
        operation: &str,
        zone: &str,
    ) -> Result<(), CloudError> {
        let mut sets = self.record_sets(cx, zone).await?;
        let apex = apex_of(&sets);
        sets.retain(|set| !is_of_vendor(&apex, set));
        for some in sets.chunks(CHANGES_MAX) {
            self.change_records(cx, operation, zone, &[], some).await?;
        }
        Ok(())
    }
}

/// Returns the records in a zone that are not this cluster's and that Google did not put there, as
/// `MX example.com`. Those of the names in `going` are known to be the cluster's.
pub(crate) async fn foreign_records(
    api: &Api,
    cx: &Context,
    zone: &str,
    going: &[&str],
) -> Result<Vec<String>, CloudError> {
    let sets = api.record_sets(cx, zone).await?;
    let apex = apex_of(&sets);
    let mut own = own_names(cx, &sets);
    own.extend(going.iter().map(|name| (*name).to_owned()));
    let is_ours =
        |set: &RecordSet| own.iter().any(|name| is_address(set, name) || is_mark(set, name));
    let foreign = sets.iter().filter(|set| !is_of_vendor(&apex, set) && !is_ours(set));
    Ok(foreign.map(|set| format!("{} {}", set.kind, plain_name(&set.name))).collect())
}

#[cfg(test)]
mod tests {
    use infra_provider_api::Owner;

    use super::*;

    fn cx(uuid: u128) -> Context {
        Context::quiet(Owner { cluster: "shop".into(), uuid: uuid::Uuid::from_u128(uuid) })
    }

    #[test]
    fn marks_are_read_back() {
        for name in ["example.com", "api.example.com", "*.example.com"] {
            assert_eq!(marked_name(&mark_name(name)).as_deref(), Some(name));
        }
        assert_eq!(marked_name("api.example.com"), None);
    }

    #[test]
    fn a_record_is_whose_its_mark_says() {
        let (ours, theirs) = (cx(1), cx(2));
        let sets = vec![mark(&ours, "api.example.com"), mark(&theirs, "*.example.com")];
        assert_eq!(own_names(&ours, &sets), ["api.example.com"]);
        assert_eq!(own_names(&theirs, &sets), ["*.example.com"]);
        assert!(other_mark(&ours, &sets, "api.example.com").is_none());
        assert_eq!(other_mark(&ours, &sets, "*.example.com"), Some(theirs.owner.uuid.to_string()));
        let text = RecordSet { rrdatas: vec!["\"v=spf1 -all\"".into()], ..sets[0].clone() };
        assert!(own_names(&ours, &[text]).is_empty());
    }
}
