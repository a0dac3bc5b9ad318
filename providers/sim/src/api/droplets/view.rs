//! A droplet as the API shows it.

use serde_json::{Value, json};

use crate::api::names::time;
use crate::catalog::catalog;
use crate::world::{Droplet, DropletStatus, public_network};

/// Shows a droplet as the API does.
pub fn view(d: &Droplet) -> Value {
    let catalog = catalog();
    let size = catalog.size(&d.size).cloned().unwrap_or(Value::Null);
    let v4 = networks(d);
    json!({
        "id": d.id,
        "name": d.name,
        "memory": size["memory"],
        "vcpus": size["vcpus"],
        "disk": size["disk"],
        "disk_info": size["disk_info"],
        "locked": d.locked,
        "status": d.status,
        "kernel": null,
        "created_at": time(d.created_at),
        "features": d.features,
        "backup_ids": [],
        "next_backup_window": null,
        "snapshot_ids": [],
        "image": catalog.image(d.image),
        "volume_ids": d.volume_ids,
        "size": size,
        "size_slug": d.size,
        "networks": { "v4": v4, "v6": [] },
        "region": catalog.region(&d.region),
        "tags": d.tags,
        "vpc_uuid": d.vpc_uuid,
    })
}

/// Lists its addresses; there are none while it is `new`, as with the vendor.
fn networks(d: &Droplet) -> Vec<Value> {
    if d.status == DropletStatus::New {
        return Vec::new();
    }
    let private = json!({
        "ip_address": d.private_ip, "netmask": d.netmask, "type": "private"
    });
    let public = d.public_ip.map(|ip| {
        let (netmask, gateway) = public_network(ip);
        json!({ "ip_address": ip, "netmask": netmask, "gateway": gateway, "type": "public" })
    });
    public.into_iter().chain([private]).collect()
}
