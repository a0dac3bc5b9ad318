//! What exists in the project.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::State as World;

/// Members that are in the policy of every project.
const OF_EVERY_PROJECT: [&str; 3] = [
    "@container-engine-robot.iam.gserviceaccount.com",
    "-compute@developer.gserviceaccount.com",
    "user:",
];

/// Lists all that exists, kind by kind, each item in a few words. What every project has is left out.
pub fn inventory(w: &World) -> BTreeMap<String, Vec<Value>> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut add = |kind: &str, item: Value| all.entry(kind.to_owned()).or_default().push(item);
    for r in w.gcp_resources.iter() {
        let mut item = json!({ "name": r.name, "scope": r.scope, "state": r.state });
        for field in ["description", "labels", "IPAddress", "address"] {
            if let Some(value) = r.body.get(field) {
                item[field] = value.clone();
            }
        }
        add(&r.collection, item);
    }
    for c in w.gke_clusters.iter() {
        let labels = &c.config["resourceLabels"];
        let item = json!({
            "name": c.name, "location": c.location, "status": c.status, "version": c.version,
            "labels": labels,
        });
        add("clusters", item);
    }
    for p in w.gke_pools.iter() {
        let item = json!({
            "name": p.name, "cluster": w.gke_clusters.get(p.cluster).map(|c| c.name.clone()),
            "status": p.status, "version": p.version, "targets": p.targets,
        });
        add("nodePools", item);
    }
    for i in w.instances.iter() {
        let item = json!({
            "name": i.name, "zone": i.zone, "status": i.status, "pool": i.pool,
            "machine_type": i.machine_type, "internal_ip": i.internal_ip,
            "external_ip": i.external_ip,
        });
        add("instances", item);
    }
    for z in w.gcp_zones.iter() {
        let labels = &z.body["labels"];
        add("managedZones", json!({ "name": z.name, "dns_name": z.dns_name, "labels": labels }));
    }
    for r in w.gcp_record_sets.iter().filter(|r| r.kind != "SOA" && r.kind != "NS") {
        let item = json!({
            "zone": r.zone, "name": r.name, "type": r.kind, "ttl": r.ttl, "data": r.data,
        });
        add("rrsets", item);
    }
    for a in w.gcp_service_accounts.iter() {
        add("serviceAccounts", json!({ "email": a.email, "description": a.description }));
    }
    for binding in w.gcp_policies.iter().filter_map(|p| p.bindings.as_array()).flatten() {
        for member in binding["members"].as_array().into_iter().flatten() {
            let text = member.as_str().unwrap_or_default();
            let is_default = OF_EVERY_PROJECT
                .iter()
                .any(|one| text.ends_with(one) || (one.ends_with(':') && text.starts_with(one)));
            if !is_default {
                add("iamBindings", json!({ "role": binding["role"], "member": member }));
            }
        }
    }
    all
}
