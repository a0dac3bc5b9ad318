//! Resources as they are shown: what is computed is added.

use serde_json::{Value, json};

use super::{fingerprint, links, uses};
use crate::world::{GcpResource, State as World};

/// Shows a resource.
pub fn view(w: &World, row: &GcpResource) -> Value {
    let mut body = row.body.clone();
    match row.collection.as_str() {
        "networks" => {
            let link = links::link(&row.path);
            let subnets: Vec<&str> = w
                .gcp_resources
                .by_name("subnetworks")
                .filter(|s| s.body["network"] == link.as_str())
                .filter_map(|s| s.body["selfLink"].as_str())
                .collect();
            if !subnets.is_empty() {
                body["subnetworks"] = json!(subnets);
            }
            let number = body["id"].as_str().unwrap_or_default();
            let with_id = row.path.rsplit_once('/').map_or("", |(front, _)| front);
            body["selfLinkWithId"] = json!(format!("{}/{number}", links::link(with_id)));
        }
        "subnetworks" => body["fingerprint"] = json!(fingerprint(&row.body)),
        "addresses" => {
            let users = uses::address_users(w, row);
            body["status"] = json!(if users.is_empty() { "RESERVED" } else { "IN_USE" });
            if !users.is_empty() {
                body["users"] = json!(users);
            }
        }
        "disks" => {
            let users = uses::disk_users(w, row);
            if !users.is_empty() {
                body["users"] = json!(users);
            }
        }
        "forwardingRules" => body["fingerprint"] = json!(fingerprint(&row.body)),
        "backendServices" => body["fingerprint"] = json!(fingerprint(&row.body)),
        _ => {}
    }
    if ["addresses", "forwardingRules", "disks"].contains(&row.collection.as_str()) {
        body["labelFingerprint"] = json!(fingerprint(&row.body["labels"]));
    }
    body
}
