//! Instances as Compute Engine shows them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::BASE;
use super::projects::zone_of;
use crate::gcp::Gcp;
use crate::gcp::account::GcpAccount;
use crate::gcp::compute::{fingerprint, time};
use crate::gcp::http::{self, Call, Refusal, Reply, Routes};
use crate::world::Instance;

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    routes.get("/compute/v1/projects/{project}/aggregated/instances", aggregated);
    routes.get("/compute/v1/projects/{project}/zones/{zone}/instances", list);
    routes.get("/compute/v1/projects/{project}/zones/{zone}/instances/{instance}", show);
}

/// Shows an instance.
pub fn view(account: &GcpAccount, one: &Instance) -> Value {
    let project = &account.project;
    let zone = format!("{BASE}/projects/{project}/zones/{}", one.zone);
    let mut interface = json!({
        "kind": "compute#networkInterface", "name": "nic0",
        "fingerprint": fingerprint(&json!(one.internal_ip)),
        "network": format!("{BASE}/{}", one.network),
        "subnetwork": format!("{BASE}/{}", one.subnetwork),
        "networkIP": one.internal_ip, "stackType": "IPV4_ONLY",
    });
    if let Some(ip) = one.external_ip {
        interface["accessConfigs"] = json!([{
            "kind": "compute#accessConfig", "name": "external-nat", "type": "ONE_TO_ONE_NAT",
            "natIP": ip, "networkTier": "PREMIUM",
        }]);
    }
    let mut disks = vec![json!({
        "kind": "compute#attachedDisk", "type": "PERSISTENT", "mode": "READ_WRITE", "boot": true,
        "autoDelete": true, "index": 0, "deviceName": "persistent-disk-0", "interface": "SCSI",
        "source": format!("{zone}/disks/{}", one.name), "diskSizeGb": "100",
    })];
    for (index, disk) in one.disks.iter().enumerate() {
        let name = disk.rsplit('/').next().unwrap_or_default();
        disks.push(json!({
            "kind": "compute#attachedDisk", "type": "PERSISTENT", "mode": "READ_WRITE", "boot": false,
            "autoDelete": false, "index": index + 1, "deviceName": name, "interface": "SCSI",
            "source": format!("{zone}/disks/{name}"),
        }));
    }
    let group = one.group.trim_end_matches("-grp");
    json!({
        "kind": "compute#instance",
        "id": one.id.to_string(),
        "name": one.name,
        "zone": zone,
        "selfLink": format!("{zone}/instances/{}", one.name),
        "creationTimestamp": time(one.created_at),
        "status": one.status,
        "machineType": format!("{zone}/machineTypes/{}", one.machine_type),
        "canIpForward": true,
        "cpuPlatform": "Intel Broadwell",
        "deletionProtection": false,
        "startRestricted": false,
        "disks": disks,
        "labels": one.labels,
        "labelFingerprint": fingerprint(&json!(one.labels)),
        "fingerprint": fingerprint(&json!(one.id)),
        "metadata": {
            "kind": "compute#metadata", "fingerprint": fingerprint(&json!(one.name)),
            "items": [
                {"key": "created-by", "value": format!(
                    "projects/{}/zones/{}/instanceGroupManagers/{}", account.number, one.zone, one.group)},
                {"key": "instance-template", "value": format!(
                    "projects/{}/global/instanceTemplates/{group}", account.number)},
                {"key": "cluster-name", "value": one.labels.get("goog-k8s-cluster-name")},
                {"key": "disable-legacy-endpoints", "value": "true"},
            ],
        },
        "networkInterfaces": [interface],
        "scheduling": {
            "automaticRestart": true, "onHostMaintenance": "MIGRATE", "preemptible": false,
            "provisioningModel": "STANDARD",
        },
        "serviceAccounts": [{"email": one.service_account,
            "scopes": ["https://www.googleapis.com/auth/cloud-platform"]}],
        "tags": {"items": one.tags, "fingerprint": fingerprint(&json!(one.tags))},
    })
}

async fn aggregated(gcp: Arc<Gcp>, call: Call) -> Reply {
    let stale = call.stale();
    let items = gcp.sim().world.read(|w| {
        w.instances
            .iter()
            .filter(|one| stale.is_none_or(|age| !w.instances.younger(one.seq, age)))
            .map(|one| (format!("zones/{}", one.zone), view(gcp.account(), one)))
            .collect()
    });
    http::aggregated(&call, "compute#instanceAggregatedList", BASE, "instances", items)
}

async fn list(gcp: Arc<Gcp>, call: Call) -> Reply {
    let zone = zone_of(&call)?;
    let items = gcp.sim().world.read(|w| {
        let here = w.instances.iter().filter(|one| one.zone == zone);
        here.map(|one| view(gcp.account(), one)).collect()
    });
    http::list(&call, "compute#instanceList", BASE, items)
}

async fn show(gcp: Arc<Gcp>, call: Call) -> Reply {
    let (zone, name) = (zone_of(&call)?, call.value("instance"));
    let found = gcp.sim().world.read(|w| w.instances.by_id(&format!("{zone}/{name}")).cloned());
    match found {
        Some(one) => Ok(view(gcp.account(), &one)),
        None => Err(Refusal::no_resource(&format!(
            "projects/{}/zones/{zone}/instances/{name}",
            call.project()
        ))),
    }
}
