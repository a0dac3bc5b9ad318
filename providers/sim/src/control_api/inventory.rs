//! `GET /sim/inventory`: everything that exists, in short.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::load_balancer_model::targets;
use crate::gcp;
use crate::world::State as World;

/// Everything that exists, kind by kind; each item in a few words.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Inventory {
    /// Droplets.
    pub droplets: Vec<Value>,
    /// VPCs; a region's default one is marked and never goes away.
    pub vpcs: Vec<Value>,
    /// Cloud firewalls.
    pub firewalls: Vec<Value>,
    /// SSH keys.
    pub keys: Vec<Value>,
    /// Load balancers.
    pub load_balancers: Vec<Value>,
    /// Domains.
    pub domains: Vec<Value>,
    /// Records that were added to domains (not the vendor's own SOA and NS).
    pub records: Vec<Value>,
    /// Volumes.
    pub volumes: Vec<Value>,
    /// Tags; they stay when their resources go.
    pub tags: Vec<Value>,
    /// Reserved addresses.
    pub reserved_ips: Vec<Value>,
    /// Buckets, with how many objects they hold.
    pub buckets: Vec<Value>,
    /// What exists in the Google Cloud project, by kind; what every project has is left out.
    pub gcp: BTreeMap<String, Vec<Value>>,
}

impl Inventory {
    /// Reads the world.
    pub fn of(w: &World) -> Self {
        Self {
            droplets: w
                .droplets
                .iter()
                .map(|d| {
                    json!({
                        "id": d.id, "name": d.name, "status": d.status, "region": d.region,
                        "size": d.size, "public_ip": d.public_ip, "private_ip": d.private_ip,
                        "vpc_uuid": d.vpc_uuid, "tags": d.tags, "volume_ids": d.volume_ids,
                    })
                })
                .collect(),
            vpcs: w
                .vpcs
                .iter()
                .map(|v| {
                    json!({
                        "id": v.id, "name": v.name, "region": v.region,
                        "ip_range": v.ip_range, "default": v.default,
                    })
                })
                .collect(),
            firewalls: w
                .firewalls
                .iter()
                .map(|f| {
                    json!({
                        "id": f.id, "name": f.name, "tags": f.tags,
                        "rules": f.inbound.len() + f.outbound.len(),
                    })
                })
                .collect(),
            keys: w
                .keys
                .iter()
                .map(|k| json!({ "id": k.id, "name": k.name, "fingerprint": k.fingerprint }))
                .collect(),
            load_balancers: w
                .load_balancers
                .iter()
                .filter(|l| l.gke_cluster.is_none())
                .map(|l| {
                    let droplets: Vec<u64> = targets(w, l).iter().map(|d| d.id).collect();
                    let ports: Vec<u16> = l.forwarding_rules.iter().map(|r| r.entry_port).collect();
                    json!({
                        "id": l.id, "name": l.name, "status": l.status, "ip": l.ip,
                        "ports": ports, "droplet_ids": droplets, "vpc_uuid": l.vpc_uuid,
                    })
                })
                .collect(),
            domains: w.domains.iter().map(|d| json!({ "name": d.name })).collect(),
            records: records(w),
            volumes: w
                .volumes
                .iter()
                .map(|v| {
                    json!({
                        "id": v.id, "name": v.name, "region": v.region, "tags": v.tags,
                        "size_gigabytes": v.size_gigabytes, "droplet_id": v.droplet_id,
                    })
                })
                .collect(),
            tags: w.tags.iter().map(|t| json!({ "name": t.name })).collect(),
            reserved_ips: w
                .reserved_ips
                .iter()
                .map(|r| json!({ "ip": r.ip, "droplet_id": r.droplet_id }))
                .collect(),
            buckets: w
                .buckets
                .iter()
                .map(|b| json!({ "name": b.name, "objects": w.objects.by_name(&b.name).count() }))
                .collect(),
            gcp: gcp::inventory(w),
        }
    }

    /// Returns true if nothing is left that costs money or stands in the way: default VPCs and tags
    /// don't count.
    pub fn is_empty(&self) -> bool {
        let own_vpc = |v: &Value| v["default"] != true;
        self.droplets.is_empty()
            && !self.vpcs.iter().any(own_vpc)
            && self.firewalls.is_empty()
            && self.keys.is_empty()
            && self.load_balancers.is_empty()
            && self.domains.is_empty()
            && self.volumes.is_empty()
            && self.reserved_ips.is_empty()
            && self.buckets.is_empty()
            && self.gcp.is_empty()
    }
}

fn records(w: &World) -> Vec<Value> {
    w.records
        .iter()
        .filter(|r| r.kind != "SOA" && r.kind != "NS")
        .map(|r| {
            json!({
                "id": r.id, "domain": r.domain, "type": r.kind, "name": r.name,
                "data": r.data, "ttl": r.ttl,
            })
        })
        .collect()
}
