//! `UpdateNodePool`: which fields change nodes in place, and which replace them.

use serde_json::{Map, Value, json};

use super::clusters::check_labels;
use super::create::texts;
use super::create_pool::check_machine;
use super::{updates, versions};
use crate::gcp::http::Refusal;
use crate::gcp::places;
use crate::world::{GkeCluster, GkePool, GkeWork};

/// What says which pool is meant, and no more.
const PATH: [&str; 6] = ["name", "nodePoolId", "clusterId", "projectId", "zone", "etag"];
/// Fields that change the pool in place, with where the pool has them.
const IN_PLACE: [(&str, &str); 8] = [
    ("labels", "config"),
    ("taints", "config"),
    ("tags", "config"),
    ("upgradeSettings", ""),
    ("nodeDrainConfig", ""),
    ("queuedProvisioning", ""),
    ("nodeNetworkConfig", ""),
    ("resourceManagerTags", "config"),
];

/// Returns a change of a pool's field that leaves nothing of what was there but what is new.
pub fn replacing(pool: &GkePool, field: &str, new: &Value) -> Value {
    updates::whole(&pool.config[field], new)
}

/// Reads what is wished for.
///
/// # Errors
/// Returns 400 in GKE's words if it is nothing, or can't be.
pub fn work(
    cluster: &GkeCluster,
    pool: &GkePool,
    body: &Value,
) -> Result<(Option<&'static str>, GkeWork), Refusal> {
    let mut wishes: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
    wishes.retain(|key, _| !PATH.contains(&key.as_str()));
    if wishes.is_empty() {
        return Err(Refusal::invalid("Must specify a field to update."));
    }
    if let Some(zones) = wishes.get("locations") {
        if wishes.len() > 1 {
            return Err(Refusal::invalid(
                "Node pool locations cannot be updated together with other fields.",
            ));
        }
        let zones = texts(zones);
        check_zones(cluster, &zones)?;
        let change = json!({"locations": zones});
        return Ok((Some("UPDATE_CLUSTER"), GkeWork::UpdatePool(pool.name.clone(), change)));
    }
    if let Some(version) = wishes.get("nodeVersion") {
        let version = versions::node(version.as_str().unwrap_or_default(), &cluster.version)?;
        return Ok((Some("UPGRADE_NODES"), GkeWork::UpgradePool(pool.name.clone(), version)));
    }
    let mut change = json!({});
    let mut recreates = false;
    for (field, value) in wishes {
        match IN_PLACE.iter().find(|(name, _)| *name == field) {
            Some((_, place)) => in_place(pool, &mut change, &field, place, value)?,
            None => {
                recreates = true;
                recreating(pool, &mut change, &field, value);
            }
        }
    }
    if !recreates {
        return Ok((None, GkeWork::UpdatePool(pool.name.clone(), change)));
    }
    let mut next = pool.config.clone();
    super::defaults::lay(&mut next, &change);
    check_machine(&next, &pool.targets.keys().cloned().collect::<Vec<_>>())?;
    Ok((Some("UPGRADE_NODES"), GkeWork::RecreatePool(pool.name.clone(), change)))
}

fn check_zones(cluster: &GkeCluster, zones: &[String]) -> Result<(), Refusal> {
    let location = &cluster.location;
    let region = if places::is_region(location) { location } else { places::region_of(location) };
    match zones.iter().find(|zone| !places::is_zone(zone) || places::region_of(zone) != region) {
        Some(bad) => Err(Refusal::invalid(format!(
            "Location \"{bad}\" is not a zone of region \"{region}\"."
        ))),
        None if zones.is_empty() => Err(Refusal::invalid("At least one location must be given.")),
        None => Ok(()),
    }
}

/// Labels, taints and tags come in wrappers, and take the place of all that were there.
fn in_place(
    pool: &GkePool,
    change: &mut Value,
    field: &str,
    place: &str,
    value: Value,
) -> Result<(), Refusal> {
    let config = &pool.config["config"];
    let new = match field {
        "labels" => updates::whole(&config["labels"], value.get("labels").unwrap_or(&json!({}))),
        "taints" => value.get("taints").cloned().unwrap_or_else(|| json!([])),
        "tags" => value.get("tags").cloned().unwrap_or_else(|| json!([])),
        _ => replacing(pool, field, &value),
    };
    if let Some(bad) =
        new.as_array().into_iter().flatten().find(|t| t["effect"] == "EFFECT_UNSPECIFIED")
    {
        return Err(Refusal::invalid(format!("Invalid taint effect of \"{}\".", bad["key"])));
    }
    let name = if field == "nodeNetworkConfig" { "networkConfig" } else { field };
    match place {
        "" => change[name] = new,
        place => change[place][name] = new,
    }
    Ok(())
}

fn recreating(pool: &GkePool, change: &mut Value, field: &str, value: Value) {
    let config = &mut change["config"];
    match field {
        "resourceLabels" => {
            let old = &pool.config["config"]["resourceLabels"];
            let mut new = value.get("labels").cloned().unwrap_or_else(|| json!({}));
            // What GKE itself has put there stays.
            for (key, value) in old.as_object().into_iter().flatten() {
                if key.starts_with("goog-") {
                    new[key] = value.clone();
                }
            }
            config["resourceLabels"] = updates::whole(old, &new);
        }
        "diskType" => {
            config["diskType"] = value.clone();
            config["bootDisk"]["diskType"] = value;
        }
        "diskSizeGb" => {
            let size = value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
            config["diskSizeGb"] = json!(size.parse::<i64>().unwrap_or(100));
            config["bootDisk"]["sizeGb"] = json!(size);
        }
        "bootDisk" => {
            if let Some(kind) = value.get("diskType") {
                config["diskType"] = kind.clone();
            }
            if let Some(size) = value["sizeGb"].as_str().and_then(|n| n.parse::<i64>().ok()) {
                config["diskSizeGb"] = json!(size);
            }
            config["bootDisk"] = value;
        }
        "confidentialNodes" => config["confidentialNodes"] = value,
        other => config[other] = value,
    }
}

/// Checks the labels that pools give to their machines.
///
/// # Errors
/// Returns 400 that names the first that is none.
pub fn check_resource_labels(config: &Value) -> Result<(), Refusal> {
    let labels = config["config"]["resourceLabels"].as_object().into_iter().flatten();
    check_labels(
        &labels
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
    )
}
