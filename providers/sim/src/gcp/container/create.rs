//! Making a cluster: what a request may say, and the rows that come of it.

use serde_json::{Value, json};

use super::{create_pool, defaults, find, versions};
use crate::gcp::account::GcpAccount;
use crate::gcp::groups::subnets;
use crate::gcp::http::Refusal;
use crate::gcp::places;
use crate::world::{GkeCluster, GkePool, State, mix};

/// Makes the row of a cluster that was asked for, with its pools. Nothing is recorded yet.
///
/// # Errors
/// Returns a refusal in GKE's words.
pub fn cluster(
    w: &mut State,
    account: &GcpAccount,
    location: &str,
    mut config: Value,
) -> Result<(GkeCluster, Vec<GkePool>), Refusal> {
    let name = config["name"].as_str().unwrap_or_default().to_owned();
    if !find::is_name(&name) {
        return Err(Refusal::invalid(format!(
            "Invalid value for field \"cluster.name\": \"{name}\". Must be a match of regex (?:[a-z](?:[-a-z0-9]{{0,38}}[a-z0-9])?)."
        )));
    }
    let pools = take_pools(&mut config)?;
    let locations = locations(&config, location)?;
    config["locations"] = json!(locations);
    defaults::cluster(&mut config);
    let channel = config["releaseChannel"]["channel"].as_str().unwrap_or_default().to_owned();
    let wanted = config["initialClusterVersion"].as_str().unwrap_or_default();
    let version = versions::master(wanted, &channel)?.to_owned();
    network(w, account, location, &mut config)?;
    ranges(w, &mut config)?;
    if let Some(map) = config.as_object_mut() {
        for computed in
            ["status", "endpoint", "etag", "selfLink", "currentMasterVersion", "conditions"]
        {
            map.remove(computed);
        }
    }
    let seq = w.counters.next_order();
    let parts: Vec<String> = (0..4)
        .map(|i| format!("{:016x}", mix(w.counters.seed, "gke-cluster", seq * 4 + i)))
        .collect();
    let uid = parts.concat();
    let row = GkeCluster {
        seq,
        key: format!("{location}/{name}"),
        location: location.to_owned(),
        name,
        hash: uid[..8].to_owned(),
        uid,
        status: "PROVISIONING".to_owned(),
        initial_version: version.clone(),
        version,
        created_at: jiff::Timestamp::now(),
        revision: 1,
        labels_revision: 1,
        conditions: Vec::new(),
        endpoint: None,
        ca_cert_pem: String::new(),
        ca_key_pem: String::new(),
        config,
    };
    let mut made: Vec<GkePool> = Vec::new();
    for config in pools {
        let pool = create_pool::pool(w, &row, config)?;
        if made.iter().any(|other| other.name == pool.name) {
            return Err(Refusal::invalid(format!(
                "Cluster has more than one node pool with the name \"{}\".",
                pool.name
            )));
        }
        made.push(pool);
    }
    Ok((row, made))
}

/// Takes the pools out of a cluster's configuration; they are given in one of two ways.
fn take_pools(config: &mut Value) -> Result<Vec<Value>, Refusal> {
    let Some(map) = config.as_object_mut() else { return Ok(Vec::new()) };
    let pools = map.remove("nodePools");
    let count = map.remove("initialNodeCount");
    let node = map.remove("nodeConfig");
    let old_style = count.as_ref().is_some_and(|n| n.as_i64() != Some(0)) || node.is_some();
    match pools {
        Some(Value::Array(pools)) if !pools.is_empty() => {
            if old_style {
                return Err(Refusal::invalid(
                    "Invalid arguments: cluster.initial_node_count and cluster.node_config must not be set if cluster.node_pools is set.",
                ));
            }
            Ok(pools)
        }
        _ => {
            let count = count.and_then(|n| n.as_i64()).unwrap_or(0);
            if count <= 0 {
                return Err(Refusal::invalid(
                    "Cluster.initial_node_count must be greater than zero.",
                ));
            }
            let mut pool = json!({"name": "default-pool", "initialNodeCount": count});
            if let Some(node) = node {
                pool["config"] = node;
            }
            Ok(vec![pool])
        }
    }
}

/// Returns the zones of a cluster's nodes.
fn locations(config: &Value, location: &str) -> Result<Vec<String>, Refusal> {
    let region = if places::is_region(location) { location } else { places::region_of(location) };
    let wanted: Vec<String> = texts(&config["locations"]);
    if let Some(bad) = wanted.iter().find(|z| !places::is_zone(z) || places::region_of(z) != region)
    {
        return Err(Refusal::invalid(format!(
            "Location \"{bad}\" is not a zone of region \"{region}\"."
        )));
    }
    if !wanted.is_empty() {
        if places::is_zone(location) && !wanted.iter().any(|zone| zone == location) {
            return Err(Refusal::invalid(format!(
                "Locations must contain the cluster's primary zone \"{location}\"."
            )));
        }
        return Ok(wanted);
    }
    if places::is_zone(location) {
        return Ok(vec![location.to_owned()]);
    }
    Ok(places::zones_of(region).into_iter().take(3).collect())
}

/// Returns the texts of a list.
pub fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|one| Some(one.as_str()?.to_owned())).collect()
}

/// Fills in network and subnet, which must be there, in both ways to tell them.
fn network(
    w: &State,
    account: &GcpAccount,
    location: &str,
    config: &mut Value,
) -> Result<(), Refusal> {
    let project = &account.project;
    let region = if places::is_region(location) { location } else { places::region_of(location) };
    let last = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    let network = last(config["network"].as_str().filter(|t| !t.is_empty()).unwrap_or("default"));
    let path = format!("projects/{project}/global/networks/{network}");
    if network != "default" && subnets::resource(w, &path).is_none() {
        return Err(Refusal::invalid(format!("Network \"{network}\" does not exist.")));
    }
    let subnet = config["subnetwork"].as_str().filter(|text| !text.is_empty());
    let subnet = last(subnet.unwrap_or(if network == "default" { "default" } else { &network }));
    let subnet_path = format!("projects/{project}/regions/{region}/subnetworks/{subnet}");
    let found = subnets::resource(w, &subnet_path);
    let of_network = found
        .is_some_and(|one| one.body["network"].as_str().is_some_and(|link| last(link) == network));
    if network != "default" && !of_network {
        return Err(Refusal::invalid(format!(
            "Subnetwork \"{subnet_path}\" does not exist in network \"{network}\"."
        )));
    }
    config["network"] = json!(network);
    config["subnetwork"] = json!(subnet);
    config["networkConfig"]["network"] = json!(path);
    config["networkConfig"]["subnetwork"] = json!(subnet_path);
    Ok(())
}

/// Fills in the ranges of pods and Services: secondary ranges of the subnet, or some that GKE chooses.
fn ranges(w: &State, config: &mut Value) -> Result<(), Refusal> {
    let subnet = config["networkConfig"]["subnetwork"].as_str().unwrap_or_default().to_owned();
    for (name, what, keys, default) in [
        (
            "clusterSecondaryRangeName",
            "Pod",
            ["clusterIpv4CidrBlock", "clusterIpv4Cidr"],
            "10.112.0.0/14",
        ),
        (
            "servicesSecondaryRangeName",
            "Services",
            ["servicesIpv4CidrBlock", "servicesIpv4Cidr"],
            "34.118.224.0/20",
        ),
    ] {
        let policy = &config["ipAllocationPolicy"];
        let range = policy[name].as_str().filter(|text| !text.is_empty());
        let given = policy[keys[0]].as_str().filter(|text| text.parse::<ipnet::Ipv4Net>().is_ok());
        let net = match (range, given) {
            (Some(range), _) => subnets::secondary(w, &subnet, range)
                .map(|net| net.to_string())
                .ok_or_else(|| {
                    let short = subnet.rsplit('/').next().unwrap_or_default();
                    let network = config["network"].as_str().unwrap_or_default();
                    Refusal::invalid(format!(
                        "{what} secondary range \"{range}\" does not exist in network \"{network}\", subnetwork \"{short}\"."
                    ))
                })?,
            (None, Some(given)) => given.to_owned(),
            (None, None) => default.to_owned(),
        };
        for key in keys {
            config["ipAllocationPolicy"][key] = json!(net);
        }
        let top = if what == "Pod" { "clusterIpv4Cidr" } else { "servicesIpv4Cidr" };
        config[top] = json!(net);
    }
    Ok(())
}
