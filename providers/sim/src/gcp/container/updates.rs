//! `UpdateCluster`: one wish a call.

use serde_json::{Map, Value, json};

use super::versions;
use crate::gcp::http::Refusal;
use crate::world::{GkeCluster, GkePool, GkeWork, State};

/// Wishes whose fields have other names, or another place, in the cluster.
const PLACES: [(&str, &str); 14] = [
    ("desiredClusterAutoscaling", "autoscaling"),
    ("desiredDefaultEnablePrivateNodes", "networkConfig/defaultEnablePrivateNodes"),
    ("desiredDefaultSnatStatus", "networkConfig/defaultSnatStatus"),
    ("desiredDnsConfig", "networkConfig/dnsConfig"),
    ("desiredGatewayApiConfig", "networkConfig/gatewayApiConfig"),
    ("desiredIntraNodeVisibilityConfig", "networkConfig/enableIntraNodeVisibility"),
    ("desiredL4ilbSubsettingConfig", "networkConfig/enableL4ilbSubsetting"),
    ("desiredServiceExternalIpsConfig", "networkConfig/serviceExternalIpsConfig"),
    ("desiredNetworkPerformanceConfig", "networkConfig/networkPerformanceConfig"),
    ("desiredDatapathProvider", "networkConfig/datapathProvider"),
    ("desiredNodePoolAutoConfigNetworkTags", "nodePoolAutoConfig/networkTags"),
    ("desiredNodePoolAutoConfigKubeletConfig", "nodePoolAutoConfig/nodeKubeletConfig"),
    ("desiredNodePoolLoggingConfig", "nodePoolDefaults/nodeConfigDefaults/loggingConfig"),
    ("desiredNodeKubeletConfig", "nodePoolDefaults/nodeConfigDefaults/nodeKubeletConfig"),
];
/// Fields that go with another wish.
const COMPANIONS: [&str; 3] = ["desiredNodePoolId", "desiredImageType", "etag"];
/// Wishes that may come together.
const TOGETHER: [[&str; 2]; 2] = [
    ["desiredLoggingService", "desiredMonitoringService"],
    ["desiredLoggingConfig", "desiredMonitoringConfig"],
];

/// Reads what is wished for.
///
/// # Errors
/// Returns 400 in GKE's words if it is nothing, too much, or can't be.
pub fn work(
    w: &State,
    row: &GkeCluster,
    update: &Value,
) -> Result<(&'static str, GkeWork), Refusal> {
    let wishes: Map<String, Value> = update
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !COMPANIONS.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let names: Vec<&str> = wishes.keys().map(String::as_str).collect();
    if names.is_empty() {
        return Err(Refusal::invalid("Must specify a field to update."));
    }
    let is_pair = TOGETHER.iter().any(|pair| names.iter().all(|name| pair.contains(name)));
    if names.len() > 1 && !is_pair {
        return Err(Refusal::invalid(format!(
            "At most one field can be provided for each update; got {}.",
            names.join(", ")
        )));
    }
    match names[0] {
        "desiredMasterVersion" => master(row, &wishes[names[0]]),
        "desiredNodeVersion" => {
            let pool = pool(w, row, update)?;
            let wanted = wishes[names[0]].as_str().unwrap_or_default();
            let version = versions::node(wanted, &row.version)?;
            Ok(("UPGRADE_NODES", GkeWork::UpgradePool(pool.name.clone(), version)))
        }
        "desiredNodePoolAutoscaling" => {
            let pool = pool(w, row, update)?;
            let bounds = &wishes[names[0]];
            super::create_pool::autoscaling(bounds)?;
            let change = json!({"autoscaling": super::pool_changes::replacing(&pool, "autoscaling", bounds)});
            Ok(("UPDATE_CLUSTER", GkeWork::UpdatePool(pool.name.clone(), change)))
        }
        _ => {
            let mut change = json!({});
            for (name, value) in &wishes {
                put(&mut change, name, value.clone());
            }
            both_ways(row, &mut change);
            Ok(("UPDATE_CLUSTER", GkeWork::UpdateCluster(change)))
        }
    }
}

fn master(row: &GkeCluster, wanted: &Value) -> Result<(&'static str, GkeWork), Refusal> {
    let channel = row.config["releaseChannel"]["channel"].as_str().unwrap_or_default();
    let version = versions::master(wanted.as_str().unwrap_or_default(), channel)?;
    let (new, old) = (versions::numbers(version), versions::numbers(&row.version));
    if new == old {
        return Err(Refusal::invalid(format!(
            "Master version \"{version}\" is the current version."
        )));
    }
    if new < old {
        return Err(Refusal::invalid(format!(
            "Master cannot be downgraded: \"{}\" to \"{version}\".",
            row.version
        )));
    }
    if new[1] > old[1] + 1 {
        return Err(Refusal::invalid(format!(
            "Master cannot be upgraded to \"{version}\": cannot upgrade the master more than one minor version at a time."
        )));
    }
    Ok(("UPGRADE_MASTER", GkeWork::UpgradeMaster(version.to_owned())))
}

/// Finds the pool of `desiredNodePoolId`; the only one if none is named.
fn pool(w: &State, row: &GkeCluster, update: &Value) -> Result<std::sync::Arc<GkePool>, Refusal> {
    let name = update["desiredNodePoolId"].as_str().unwrap_or_default();
    let mut pools = w.gke_pools.by_group(row.seq);
    if name.is_empty() {
        return match (pools.next(), pools.next()) {
            (Some(pool), None) => Ok(pool.clone()),
            _ => Err(Refusal::invalid("desired_node_pool_id must be specified.")),
        };
    }
    pools
        .find(|pool| pool.name == name)
        .cloned()
        .ok_or_else(|| Refusal::not_found(format!("Not found: node pool \"{name}\" not found.")))
}

/// Puts a wish where the cluster has it. An empty message takes the place of what was there.
fn put(change: &mut Value, name: &str, value: Value) {
    let known = PLACES.iter().find(|(wish, _)| *wish == name).map(|(_, place)| (*place).to_owned());
    let place = known.unwrap_or_else(|| {
        let rest = name.strip_prefix("desired").unwrap_or(name);
        let mut letters = rest.chars();
        letters.next().map_or_else(String::new, |first| {
            format!("{}{}", first.to_ascii_lowercase(), letters.as_str())
        })
    });
    let value = match name {
        "desiredIntraNodeVisibilityConfig" => value["enabled"].clone(),
        "desiredDefaultEnablePrivateNodes" => json!(value == true),
        _ => value,
    };
    let mut at = change;
    for part in place.split('/') {
        at = &mut at[part];
    }
    *at = value;
}

/// Tells in both ways who may reach the control plane.
fn both_ways(row: &GkeCluster, change: &mut Value) {
    let networks = "masterAuthorizedNetworksConfig";
    let endpoints = "controlPlaneEndpointsConfig";
    let inner = "authorizedNetworksConfig";
    if change[networks].is_object() {
        let new = whole(&row.config[networks], &change[networks]);
        change[networks] = new.clone();
        change[endpoints]["ipEndpointsConfig"][inner] = new;
    } else if change[endpoints]["ipEndpointsConfig"][inner].is_object() {
        let new = whole(&row.config[networks], &change[endpoints]["ipEndpointsConfig"][inner]);
        change[endpoints]["ipEndpointsConfig"][inner] = new.clone();
        change[networks] = new;
    }
    if let Some(map) = change.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
}

/// Returns a change that leaves nothing of what was there but what is new.
pub fn whole(old: &Value, new: &Value) -> Value {
    let mut out = new.clone();
    if let (Some(out), Some(old)) = (out.as_object_mut(), old.as_object()) {
        for key in old.keys() {
            out.entry(key.clone()).or_insert(Value::Null);
        }
    }
    out
}
