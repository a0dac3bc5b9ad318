//! What instances and clusters need to know of subnets.

use ipnet::Ipv4Net;
use serde_json::Value;

use crate::world::{GcpResource, State};

/// Finds a resource by its path, which begins with `projects/`.
pub fn resource<'a>(w: &'a State, path: &str) -> Option<&'a GcpResource> {
    w.gcp_resources.by_id(path).map(|one| &**one)
}

fn range(value: &Value) -> Option<Ipv4Net> {
    value.as_str()?.parse().ok()
}

/// Returns the range of a subnet (`projects/P/regions/R/subnetworks/S`) for its machines.
pub fn primary(w: &State, subnetwork: &str) -> Option<Ipv4Net> {
    range(&resource(w, subnetwork)?.body["ipCidrRange"])
}

/// Returns a secondary range of a subnet by its name.
pub fn secondary(w: &State, subnetwork: &str, name: &str) -> Option<Ipv4Net> {
    let ranges = resource(w, subnetwork)?.body["secondaryIpRanges"].as_array()?;
    range(&ranges.iter().find(|one| one["rangeName"] == name)?["ipCidrRange"])
}
