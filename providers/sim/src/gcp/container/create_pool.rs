//! Making a node pool: what a request may say, and the row that comes of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::create::texts;
use super::{find, pool_defaults, versions};
use crate::gcp::groups::machine_types;
use crate::gcp::http::Refusal;
use crate::gcp::places;
use crate::world::{GkeCluster, GkePool, State, mix};

/// Makes the row of a pool that was asked for. Nothing is recorded yet.
///
/// # Errors
/// Returns a refusal in GKE's words.
pub fn pool(w: &mut State, cluster: &GkeCluster, mut config: Value) -> Result<GkePool, Refusal> {
    let name = config["name"].as_str().unwrap_or_default().to_owned();
    if !find::is_name(&name) {
        return Err(Refusal::invalid(format!(
            "Invalid value for field \"node_pool.name\": \"{name}\". Must be a match of regex (?:[a-z](?:[-a-z0-9]{{0,38}}[a-z0-9])?)."
        )));
    }
    let of_cluster = texts(&cluster.config["locations"]);
    let wanted = texts(&config["locations"]);
    let region = places::region_of(of_cluster.first().map_or("", String::as_str)).to_owned();
    if let Some(bad) = wanted.iter().find(|z| !places::is_zone(z) || places::region_of(z) != region)
    {
        return Err(Refusal::invalid(format!(
            "Location \"{bad}\" is not a zone of region \"{region}\"."
        )));
    }
    let zones = if wanted.is_empty() { of_cluster } else { wanted };
    pool_defaults::pool(&mut config, &cluster.config, &zones);
    check_machine(&config, &zones)?;
    autoscaling(&config["autoscaling"])?;
    let wanted = config["version"].as_str().unwrap_or_default();
    let version = versions::node(wanted, &cluster.version)?;
    let count = config["initialNodeCount"].as_i64().unwrap_or(0);
    let count = u32::try_from(count)
        .map_err(|_| Refusal::invalid("node_pool.initial_node_count must not be negative."))?;
    config["initialNodeCount"] = json!(count);
    let seq = w.counters.next_order();
    Ok(GkePool {
        config,
        seq,
        key: format!("{}/{name}", cluster.seq),
        cluster: cluster.seq,
        name,
        hash: format!("{:08x}", mix(w.counters.seed, "gke-pool", seq) >> 32),
        status: "PROVISIONING".to_owned(),
        version,
        revision: 1,
        template: 1,
        conditions: Vec::new(),
        // Its groups come when the operation runs.
        targets: zones.into_iter().map(|zone| (zone, 0)).collect::<BTreeMap<_, _>>(),
        stockouts: BTreeMap::new(),
    })
}

/// Checks that the service account of a pool's nodes is there. One that was just made may not be known
/// yet.
///
/// # Errors
/// Returns 400 in GKE's words.
pub fn check_account(w: &State, config: &Value, not_yet: bool) -> Result<(), Refusal> {
    let email = config["config"]["serviceAccount"].as_str().unwrap_or_default();
    let is_own = ["", "default"].contains(&email)
        || email.ends_with("-compute@developer.gserviceaccount.com");
    if is_own || (!not_yet && w.gcp_service_accounts.by_id(email).is_some()) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("Service account \"{email}\" does not exist.")))
}

/// Checks that the machine type of a pool is sold in its zones.
///
/// # Errors
/// Returns 400 in GKE's words.
pub fn check_machine(config: &Value, zones: &[String]) -> Result<(), Refusal> {
    let machine = config["config"]["machineType"].as_str().unwrap_or_default();
    let custom = machine.contains("custom-");
    match zones.iter().find(|zone| !custom && machine_types::find(zone, machine).is_none()) {
        Some(zone) => Err(Refusal::invalid(format!(
            "Machine type with name \"{machine}\" does not exist in zone \"{zone}\"."
        ))),
        None => Ok(()),
    }
}

/// Checks the bounds of an autoscaler: for each zone, or for all together.
///
/// # Errors
/// Returns 400 in GKE's words.
pub fn autoscaling(bounds: &Value) -> Result<(), Refusal> {
    if bounds["enabled"] != true {
        return Ok(());
    }
    let number = |key: &str| bounds[key].as_i64().unwrap_or(0);
    let per_zone = number("minNodeCount") != 0 || number("maxNodeCount") != 0;
    let total = number("totalMinNodeCount") != 0 || number("totalMaxNodeCount") != 0;
    let (min, max) = if total {
        (number("totalMinNodeCount"), number("totalMaxNodeCount"))
    } else {
        (number("minNodeCount"), number("maxNodeCount"))
    };
    if per_zone && total {
        return Err(Refusal::invalid(
            "Invalid autoscaling configuration: total_*_node_count and *_node_count fields are mutually exclusive.",
        ));
    }
    if max < 1 || min < 0 || min > max {
        return Err(Refusal::invalid(format!(
            "Invalid autoscaling configuration: max_node_count ({max}) must be at least 1 and not less than min_node_count ({min})."
        )));
    }
    Ok(())
}
