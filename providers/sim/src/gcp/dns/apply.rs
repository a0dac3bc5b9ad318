//! A change of records: all of it is checked, then all of it is made.

use serde_json::Value;

use super::{data, sets};
use crate::gcp::http::Refusal;
use crate::world::{GcpRecordSet, GcpZone, State as World};

/// Makes a change; gives the sets that were added.
///
/// # Errors
/// Returns a refusal of the first part that can't be made. Then nothing is made.
pub fn apply(w: &mut World, zone: &GcpZone, change: &Value) -> Result<Vec<GcpRecordSet>, Refusal> {
    let parts = |name: &str| change[name].as_array().cloned().unwrap_or_default();
    let (additions, deletions) = (parts("additions"), parts("deletions"));
    if additions.is_empty() && deletions.is_empty() {
        return Err(Refusal::required(
            "The 'entity.change' parameter is required but was missing.",
        ));
    }
    let mut gone: Vec<u64> = Vec::new();
    for (i, part) in deletions.iter().enumerate() {
        let place = format!("entity.change.deletions[{i}]");
        let wanted = read(zone, part, &place)?;
        let found = w
            .gcp_record_sets
            .by_name(&zone.name)
            .find(|set| set.name == wanted.name && set.kind == wanted.kind);
        let Some(found) = found else {
            return Err(Refusal::not_found(format!(
                "The '{place}' resource named '{} ({})' does not exist.",
                wanted.name, wanted.kind
            )));
        };
        if !same(found, &wanted) || gone.contains(&found.seq) {
            return Err(Refusal::condition_not_met(format!("Precondition not met for '{place}'")));
        }
        gone.push(found.seq);
    }
    let mut left: Vec<GcpRecordSet> = w
        .gcp_record_sets
        .by_name(&zone.name)
        .filter(|set| !gone.contains(&set.seq))
        .map(|set| GcpRecordSet::clone(set))
        .collect();
    let mut added: Vec<GcpRecordSet> = Vec::new();
    for (i, part) in additions.iter().enumerate() {
        let place = format!("entity.change.additions[{i}]");
        let set = read(zone, part, &place)?;
        let mut here = left.iter().filter(|other| other.name == set.name);
        if here.clone().any(|other| other.kind == set.kind) {
            return Err(Refusal::exists(format!(
                "The resource '{place}' named '{} ({})' already exists",
                set.name, set.kind
            )));
        }
        if here.any(|other| (other.kind == "CNAME") != (set.kind == "CNAME")) {
            return Err(Refusal::bad(
                "cnameResourceRecordSetConflict",
                format!(
                    "The resource record set '{place}' is invalid because the DNS name '{}' may have either one CNAME resource record set or resource record sets of other types, but not both.",
                    set.name
                ),
            ));
        }
        left.push(set.clone());
        added.push(set);
    }
    for kind in ["NS", "SOA"] {
        if !left.iter().any(|set| set.kind == kind && set.name == zone.dns_name) {
            return Err(Refusal::bad(
                "invalidZoneApex",
                format!(
                    "The resource record set is invalid because a zone must contain exactly one resource record set of type '{kind}' at the apex."
                ),
            ));
        }
    }
    for seq in gone {
        w.gcp_record_sets.remove(seq);
    }
    for set in &added {
        sets::put(w, &zone.name, &set.name, &set.kind, set.ttl, set.data.clone());
    }
    Ok(added)
}

/// Returns true if two sets hold the same records; their order means nothing.
fn same(a: &GcpRecordSet, b: &GcpRecordSet) -> bool {
    let sorted = |set: &GcpRecordSet| {
        let mut data = set.data.clone();
        data.sort();
        data
    };
    a.ttl == b.ttl && sorted(a) == sorted(b)
}

/// Reads a set of a request.
fn read(zone: &GcpZone, part: &Value, place: &str) -> Result<GcpRecordSet, Refusal> {
    let required = |field: &str| {
        Refusal::required(format!("The '{place}.{field}' parameter is required but was missing."))
    };
    let invalid = |field: &str, value: &str| {
        Refusal::bad("invalid", format!("Invalid value for '{place}.{field}': '{value}'"))
    };
    let name = part["name"].as_str().unwrap_or_default().to_ascii_lowercase();
    if name.is_empty() {
        return Err(required("name"));
    }
    let is_inside = name == zone.dns_name || name.ends_with(&format!(".{}", zone.dns_name));
    if !data::is_name(&name) || !is_inside {
        return Err(invalid("name", &name));
    }
    let kind = part["type"].as_str().unwrap_or_default();
    if kind.is_empty() {
        return Err(required("type"));
    }
    if !data::KINDS.contains(&kind) {
        return Err(invalid("type", kind));
    }
    let ttl = match part.get("ttl").and_then(Value::as_i64) {
        None => return Err(required("ttl")),
        Some(ttl) => u32::try_from(ttl).map_err(|_| invalid("ttl", &ttl.to_string()))?,
    };
    let given = part["rrdatas"].as_array().cloned().unwrap_or_default();
    if given.is_empty() {
        return Err(required("rrdatas"));
    }
    let mut all = Vec::new();
    for (i, one) in given.iter().enumerate() {
        let text = one.as_str().unwrap_or_default();
        let read = data::read(kind, text).ok_or_else(|| invalid(&format!("rrdata[{i}]"), text))?;
        if all.contains(&read) {
            return Err(invalid(&format!("rrdata[{i}]"), text));
        }
        all.push(read);
    }
    if kind == "CNAME" && (all.len() > 1 || name == zone.dns_name) {
        return Err(invalid("rrdatas", &all.join(" ")));
    }
    Ok(GcpRecordSet {
        seq: 0,
        zone: zone.name.clone(),
        name,
        kind: kind.to_owned(),
        ttl,
        data: all,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World as Store;
    use serde_json::json;

    fn zone(w: &mut World) -> GcpZone {
        let zone = GcpZone {
            seq: 1,
            name: "z".into(),
            dns_name: "example.com.".into(),
            body: json!({}),
            changes: 0,
        };
        w.gcp_zones.put(zone.clone());
        sets::put(w, "z", "example.com.", "NS", 1, vec!["a.".into()]);
        sets::put(w, "z", "example.com.", "SOA", 1, vec!["a. b. 1 1 1 1 1".into()]);
        zone
    }

    fn a(name: &str, ip: &str) -> Value {
        json!({"name": name, "type": "A", "ttl": 300, "rrdatas": [ip]})
    }

    #[test]
    fn a_change_is_made_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let world = Store::open(dir.path(), 1).unwrap();
        world.write(|w| {
            let zone = zone(w);
            let mut change = |change: Value| apply(w, &zone, &change).map_err(|r| r.reason);
            assert!(change(json!({"additions": [a("www.example.com.", "192.0.2.1")]})).is_ok());
            let again = json!({"additions": [a("x.example.com.", "192.0.2.1"), a("www.example.com.", "192.0.2.1")]});
            assert_eq!(change(again).unwrap_err(), "alreadyExists");
            let other = json!({"deletions": [a("www.example.com.", "192.0.2.9")]});
            assert_eq!(change(other).unwrap_err(), "conditionNotMet");
            let absent = json!({"deletions": [a("x.example.com.", "192.0.2.1")]});
            assert_eq!(change(absent).unwrap_err(), "notFound");
            let outside = json!({"additions": [a("www.example.org.", "192.0.2.1")]});
            assert_eq!(change(outside).unwrap_err(), "invalid");
            let cname = json!({"additions": [
                {"name": "www.example.com.", "type": "CNAME", "ttl": 1, "rrdatas": ["x.example.com."]}
            ]});
            assert_eq!(change(cname).unwrap_err(), "cnameResourceRecordSetConflict");
            let ns = json!({"deletions": [{"name": "example.com.", "type": "NS", "ttl": 1, "rrdatas": ["a."]}]});
            assert_eq!(change(ns).unwrap_err(), "invalidZoneApex");
            assert_eq!(change(json!({})).unwrap_err(), "required");
            let replace = json!({
                "additions": [a("www.example.com.", "192.0.2.2")],
                "deletions": [a("www.example.com.", "192.0.2.1")],
            });
            assert!(change(replace).is_ok());
            assert_eq!(w.gcp_record_sets.by_name("z").count(), 3);
        });
    }
}
