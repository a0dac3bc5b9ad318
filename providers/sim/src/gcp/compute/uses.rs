//! Who uses a resource.

use serde_json::Value;

use super::links::{link, name_of, path_of};
use crate::world::{GcpResource, GkeCluster, State as World};

/// Returns the path of a resource that uses this one, if there is one.
pub fn user_of(w: &World, row: &GcpResource) -> Option<String> {
    if row.collection == "disks" {
        return disk_users(w, row).first().map(|user| path_of(user).to_owned());
    }
    if row.collection == "addresses"
        && let Some(user) = address_users(w, row).first()
    {
        return Some(path_of(user).to_owned());
    }
    let link = link(&row.path);
    let by_resource = w
        .gcp_resources
        .iter()
        .find(|other| other.seq != row.seq && mentions(&other.body, &link))
        .map(|other| other.path.clone());
    by_resource.or_else(|| outside(w, &row.path))
}

/// Returns true if a value is this link, or holds it.
fn mentions(body: &Value, link: &str) -> bool {
    match body {
        Value::String(text) => text == link,
        Value::Array(items) => items.iter().any(|item| mentions(item, link)),
        Value::Object(map) => map.values().any(|value| mentions(value, link)),
        _ => false,
    }
}

/// Returns what uses a path outside of compute's own resources: an instance, or a cluster of GKE.
fn outside(w: &World, path: &str) -> Option<String> {
    let project = path.split('/').nth(1).unwrap_or_default();
    let is_it = |text: &str| path_of(text) == path;
    let instance = w
        .instances
        .iter()
        .find(|i| is_it(&i.network) || is_it(&i.subnetwork))
        .map(|i| format!("projects/{project}/zones/{}/instances/{}", i.zone, i.name));
    instance.or_else(|| cluster(w, project, |c| uses_network(&c.config, path)))
}

fn cluster(w: &World, project: &str, is_user: impl Fn(&GkeCluster) -> bool) -> Option<String> {
    let found = w.gke_clusters.iter().find(|c| is_user(c))?;
    Some(format!("projects/{project}/locations/{}/clusters/{}", found.location, found.name))
}

/// Returns true if a cluster's configuration names this network or subnet, by path or by name.
fn uses_network(config: &Value, path: &str) -> bool {
    let (field, name) = match path.rsplit('/').nth(1) {
        Some("networks") => ("network", name_of(path)),
        Some("subnetworks") => ("subnetwork", name_of(path)),
        _ => return false,
    };
    let is_it = |value: &Value| {
        value.as_str().is_some_and(|text| match text.contains('/') {
            true => path_of(text) == path,
            false => text == name,
        })
    };
    is_it(&config["networkConfig"][field])
        || (config["networkConfig"].get(field).is_none() && is_it(&config[field]))
}

/// Returns links to the instances that a disk is attached to.
pub fn disk_users(w: &World, row: &GcpResource) -> Vec<String> {
    let zone = name_of(&row.scope);
    let key = format!("{zone}/{}", row.name);
    let project = row.path.split('/').nth(1).unwrap_or_default();
    w.instances
        .iter()
        .filter(|one| one.disks.contains(&key))
        .map(|one| link(&format!("projects/{project}/zones/{}/instances/{}", one.zone, one.name)))
        .collect()
}

/// Returns links to what uses an address: forwarding rules by the address itself, routers by the link.
pub fn address_users(w: &World, row: &GcpResource) -> Vec<String> {
    let own = row.body["selfLink"].as_str().unwrap_or_default();
    let ip = &row.body["address"];
    w.gcp_resources
        .iter()
        .filter(|other| match other.collection.as_str() {
            "forwardingRules" => other.body["IPAddress"] == *ip,
            "routers" => mentions(&other.body, own),
            _ => false,
        })
        .filter_map(|other| other.body["selfLink"].as_str().map(str::to_owned))
        .collect()
}

/// Returns the cluster that uses a secondary range of a subnet.
pub fn range_user(w: &World, subnetwork: &str, range: &str) -> Option<String> {
    let project = subnetwork.split('/').nth(1).unwrap_or_default();
    let of_range = |config: &Value| {
        let policy = &config["ipAllocationPolicy"];
        policy["clusterSecondaryRangeName"] == range
            || policy["servicesSecondaryRangeName"] == range
    };
    cluster(w, project, |c| uses_network(&c.config, subnetwork) && of_range(&c.config))
}
