//! Cloud DNS for the embedded resolver: zones and records in the form of the other cloud's.

use super::data;
use crate::world::{DomainRecord, State as World};

/// Lists the names of the public zones, without the final dot.
pub fn zone_names(w: &World) -> impl Iterator<Item = &str> {
    w.gcp_zones
        .iter()
        .filter(|zone| zone.body["visibility"] != "private")
        .map(|zone| zone.dns_name.trim_end_matches('.'))
}

/// Returns the records of the public zone of a name; of the first if there are several.
pub fn records(w: &World, zone: &str) -> Vec<DomainRecord> {
    let dns_name = format!("{zone}.");
    let found = w.gcp_zones.by_name(&dns_name).find(|z| z.body["visibility"] != "private");
    let Some(found) = found else { return Vec::new() };
    let mut records = Vec::new();
    for set in w.gcp_record_sets.by_name(&found.name) {
        let name = match set.name.strip_suffix(&dns_name) {
            Some("") | None => "@".to_owned(),
            Some(inner) => inner.trim_end_matches('.').to_owned(),
        };
        for data in &set.data {
            let data = match set.kind.as_str() {
                "TXT" => data::plain(data),
                "CNAME" | "NS" => data.trim_end_matches('.').to_owned(),
                _ => data.clone(),
            };
            records.push(DomainRecord {
                id: set.seq,
                domain: zone.to_owned(),
                kind: set.kind.clone(),
                name: name.clone(),
                data,
                priority: None,
                port: None,
                ttl: set.ttl,
                weight: None,
                flags: None,
                tag: None,
            });
        }
    }
    records
}
