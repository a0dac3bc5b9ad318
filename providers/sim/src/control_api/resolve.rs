//! `GET /sim/resolve?name=`: what the vendor's name servers would answer.

use crate::api::record_name;
use crate::gcp::dns;
use crate::world::{DomainRecord, State as World};

/// CNAMEs are followed this far.
const CHAIN_MAX: usize = 8;

/// Returns the data of the records of a type at a name: exact ones first, else the closest
/// wildcard. It follows CNAMEs.
pub fn resolve(w: &World, name: &str, kind: &str) -> Vec<String> {
    let mut name = name.trim_end_matches('.').to_ascii_lowercase();
    for _ in 0..CHAIN_MAX {
        let found = at(w, &name);
        let answers: Vec<String> = found.iter().filter(|r| r.kind == kind).map(target).collect();
        if !answers.is_empty() || kind == "CNAME" {
            return answers;
        }
        match found.iter().find(|r| r.kind == "CNAME") {
            Some(alias) => name = target(alias),
            None => return Vec::new(),
        }
    }
    Vec::new()
}

/// Returns the data, with `@` spelled out.
fn target(r: &DomainRecord) -> String {
    match r.data.as_str() {
        "@" => r.domain.clone(),
        data => data.to_owned(),
    }
}

fn at(w: &World, name: &str) -> Vec<DomainRecord> {
    let Some(zone) = zone(w, name) else {
        return Vec::new();
    };
    let mut records: Vec<DomainRecord> =
        w.records.by_name(&zone).map(|r| DomainRecord::clone(r)).collect();
    records.extend(dns::records(w, &zone));
    let named = |wanted: &str| -> Vec<DomainRecord> {
        records.iter().filter(|r| record_name(r) == wanted).cloned().collect()
    };
    let exact = named(name);
    // A name that exists, if only above others, hides wildcards (RFC 4592).
    let below = format!(".{name}");
    if !exact.is_empty() || records.iter().any(|r| record_name(r).ends_with(&below)) {
        return exact;
    }
    let mut parent = name;
    while let Some((_, rest)) = parent.split_once('.') {
        parent = rest;
        let found = named(&format!("*.{parent}"));
        if !found.is_empty() {
            return found;
        }
        if parent == zone {
            break;
        }
    }
    Vec::new()
}

/// Finds the zone with the longest name that holds this one, of either cloud.
fn zone(w: &World, name: &str) -> Option<String> {
    let mut rest = name;
    loop {
        if w.domains.by_id(rest).is_some() || dns::zone_names(w).any(|zone| zone == rest) {
            return Some(rest.to_owned());
        }
        rest = rest.split_once('.')?.1;
    }
}
