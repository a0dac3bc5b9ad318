//! What a project, a region and a zone are, and what a zone sells.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{BASE, machine_types};
use crate::gcp::Gcp;
use crate::gcp::http::{self, Call, Refusal, Reply, Routes};
use crate::gcp::places;
use crate::world::{Instance, State, mix};

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    routes.get("/compute/v1/projects/{project}", project);
    routes.get("/compute/v1/projects/{project}/regions", regions);
    routes.get("/compute/v1/projects/{project}/regions/{region}", region);
    routes.get("/compute/v1/projects/{project}/zones", zones);
    routes.get("/compute/v1/projects/{project}/zones/{zone}", zone);
    routes.get("/compute/v1/projects/{project}/aggregated/machineTypes", all_types);
    routes.get("/compute/v1/projects/{project}/zones/{zone}/machineTypes", zone_types);
    routes.get("/compute/v1/projects/{project}/zones/{zone}/machineTypes/{name}", one_type);
}

async fn project(gcp: Arc<Gcp>, call: Call) -> Reply {
    let account = gcp.account();
    let project = call.project();
    Ok(json!({
        "kind": "compute#project",
        "id": account.number.to_string(),
        "name": account.project,
        "creationTimestamp": "2024-01-08T02:17:05.000-08:00",
        "commonInstanceMetadata": {"kind": "compute#metadata", "fingerprint": "ubcB3R8u2sA="},
        "defaultNetworkTier": "PREMIUM",
        "defaultServiceAccount": format!("{}-compute@developer.gserviceaccount.com", account.number),
        "quotas": [
            {"metric": "NETWORKS", "limit": 15, "usage": 1},
            {"metric": "FIREWALLS", "limit": 200, "usage": 0},
        ],
        "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
        "selfLink": format!("{BASE}/projects/{project}"),
    }))
}

/// Returns the vCPUs, the public addresses and the disks that a region's instances use.
fn usage(w: &State, region: &str) -> (u64, u64, u64) {
    let here = w.instances.iter().filter(|one| places::region_of(&one.zone) == region);
    let cpus = |one: &Instance| u64::from(machine_types::capacity(&one.machine_type).0);
    here.fold((0, 0, 0), |(vcpus, addresses, disks), one| {
        (vcpus + cpus(one), addresses + u64::from(one.external_ip.is_some()), disks + 100)
    })
}

/// Checks that a region has this many vCPUs left.
///
/// # Errors
/// Returns 403 in the words of GKE.
pub fn check_cpus(gcp: &Gcp, w: &State, region: &str, wanted: u64) -> Result<(), Refusal> {
    let limit = u64::from(gcp.sim().limits.get().gcp_cpus);
    let left = limit.saturating_sub(usage(w, region).0);
    if wanted <= left {
        return Ok(());
    }
    Err(Refusal::forbidden(format!(
        "Insufficient regional quota to satisfy request: resource \"CPUS\": request requires '{wanted}.0' and is short '{}.0'. project has a quota of '{limit}.0' with '{left}.0' available. View and manage quotas at https://console.cloud.google.com/iam-admin/quotas?usage=USED&project={}.",
        wanted - left,
        gcp.account().project
    )))
}

fn region_view(gcp: &Gcp, w: &State, project: &str, region: &str) -> Value {
    let (vcpus, addresses, disks) = usage(w, region);
    let limit = f64::from(gcp.sim().limits.get().gcp_cpus);
    let quota = |metric: &str, limit: f64, usage: u64| json!({"metric": metric, "limit": limit, "usage": usage});
    let zones: Vec<String> = places::zones_of(region)
        .iter()
        .map(|zone| format!("{BASE}/projects/{project}/zones/{zone}"))
        .collect();
    json!({
        "kind": "compute#region",
        "id": (1000 + mix(7, region, 0) % 1000).to_string(),
        "name": region,
        "description": region,
        "status": "UP",
        "creationTimestamp": "1969-12-31T16:00:00.000-08:00",
        "quotas": [
            quota("CPUS", limit, vcpus),
            quota("DISKS_TOTAL_GB", 102_400.0, 0),
            quota("IN_USE_ADDRESSES", limit, addresses),
            quota("INSTANCES", limit, 0),
            quota("INSTANCE_GROUP_MANAGERS", 1000.0, 0),
            quota("N2_CPUS", limit, 0),
            quota("N2D_CPUS", limit, 0),
            quota("SSD_TOTAL_GB", limit * 100.0, disks),
            quota("STATIC_ADDRESSES", 700.0, 0),
        ],
        "zones": zones,
        "supportsPzs": false,
        "selfLink": format!("{BASE}/projects/{project}/regions/{region}"),
    })
}

async fn regions(gcp: Arc<Gcp>, call: Call) -> Reply {
    let items = gcp
        .sim()
        .world
        .read(|w| places::regions().map(|one| region_view(&gcp, w, call.project(), one)).collect());
    http::list(&call, "compute#regionList", BASE, items)
}

async fn region(gcp: Arc<Gcp>, call: Call) -> Reply {
    let (project, region) = (call.project(), call.value("region"));
    if !places::is_region(region) {
        return Err(Refusal::no_resource(&format!("projects/{project}/regions/{region}")));
    }
    Ok(gcp.sim().world.read(|w| region_view(&gcp, w, project, region)))
}

fn zone_view(project: &str, zone: &str) -> Value {
    let region = places::region_of(zone);
    json!({
        "kind": "compute#zone",
        "id": (2000 + mix(7, zone, 0) % 1000).to_string(),
        "name": zone,
        "description": zone,
        "status": "UP",
        "creationTimestamp": "1969-12-31T16:00:00.000-08:00",
        "region": format!("{BASE}/projects/{project}/regions/{region}"),
        "availableCpuPlatforms": ["Intel Broadwell", "Intel Cascade Lake", "AMD Rome"],
        "supportsPzs": false,
        "selfLink": format!("{BASE}/projects/{project}/zones/{zone}"),
    })
}

async fn zones(_gcp: Arc<Gcp>, call: Call) -> Reply {
    let items = places::zones().map(|zone| zone_view(call.project(), &zone)).collect();
    http::list(&call, "compute#zoneList", BASE, items)
}

/// Returns the zone of a path.
///
/// # Errors
/// Returns 404 if there is no such zone.
pub fn zone_of(call: &Call) -> Result<&str, Refusal> {
    let (project, zone) = (call.project(), call.value("zone"));
    if places::is_zone(zone) {
        return Ok(zone);
    }
    Err(Refusal::no_resource(&format!("projects/{project}/zones/{zone}")))
}

async fn zone(_gcp: Arc<Gcp>, call: Call) -> Reply {
    Ok(zone_view(call.project(), zone_of(&call)?))
}

async fn all_types(_gcp: Arc<Gcp>, call: Call) -> Reply {
    let project = call.project();
    let items = places::zones()
        .flat_map(|zone| {
            machine_types::of_zone(&zone).into_iter().map(move |one| {
                (format!("zones/{zone}"), machine_types::view(BASE, project, &zone, &one))
            })
        })
        .collect();
    http::aggregated(&call, "compute#machineTypeAggregatedList", BASE, "machineTypes", items)
}

async fn zone_types(_gcp: Arc<Gcp>, call: Call) -> Reply {
    let zone = zone_of(&call)?;
    let view = |one| machine_types::view(BASE, call.project(), zone, &one);
    let items = machine_types::of_zone(zone).into_iter().map(view).collect();
    http::list(&call, "compute#machineTypeList", BASE, items)
}

async fn one_type(_gcp: Arc<Gcp>, call: Call) -> Reply {
    let (zone, name) = (zone_of(&call)?, call.value("name"));
    match machine_types::find(zone, name) {
        Some(one) => Ok(machine_types::view(BASE, call.project(), zone, &one)),
        None => Err(Refusal::no_resource(&format!(
            "projects/{}/zones/{zone}/machineTypes/{name}",
            call.project()
        ))),
    }
}
