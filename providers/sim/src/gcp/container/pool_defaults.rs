//! What GKE fills in where a request for a pool says nothing, as real answers show it.

use serde_json::{Value, json};

use super::defaults::{SCOPES, fill};
use crate::gcp::groups::machine_types;

/// Fills in what a request for a pool leaves open.
pub fn pool(config: &mut Value, cluster: &Value, locations: &[String]) {
    let machine = config["config"]["machineType"].as_str().unwrap_or("e2-medium").to_owned();
    let disk = config["config"]["bootDisk"]["diskType"]
        .as_str()
        .or(config["config"]["diskType"].as_str())
        .filter(|kind| !kind.is_empty())
        .unwrap_or_else(|| machine_types::default_disk(&machine))
        .to_owned();
    let gigabytes = config["config"]["bootDisk"]["sizeGb"]
        .as_str()
        .and_then(|size| size.parse::<i64>().ok())
        .or(config["config"]["diskSizeGb"].as_i64())
        .filter(|size| *size > 0)
        .unwrap_or(100);
    let model = match (config["config"]["spot"] == true, config["config"]["preemptible"] == true) {
        (true, _) => "spot",
        (_, true) => "preemptible",
        _ => "on-demand",
    };
    fill(config, json!({"config": {}}));
    config["config"]["diskType"] = json!(disk);
    config["config"]["diskSizeGb"] = json!(gigabytes);
    config["config"]["bootDisk"]["diskType"] = json!(disk);
    config["config"]["bootDisk"]["sizeGb"] = json!(gigabytes.to_string());
    let max_pods = cluster["defaultMaxPodsConstraint"]["maxPodsPerNode"].as_str().unwrap_or("110");
    let pods = config["maxPodsConstraint"]["maxPodsPerNode"].as_str().unwrap_or(max_pods);
    let mask = pod_mask(pods.parse().unwrap_or(110));
    let channel = cluster["releaseChannel"]["channel"].as_str().unwrap_or_default();
    let managed = channel != "UNSPECIFIED" && !channel.is_empty();
    let auto = config["management"].is_null() || managed;
    let is_private = cluster["networkConfig"]["defaultEnablePrivateNodes"] == true;
    let policy = &cluster["ipAllocationPolicy"];
    let name = cluster["name"].as_str().unwrap_or_default();
    let pod_range = policy["clusterSecondaryRangeName"]
        .as_str()
        .map_or_else(|| format!("gke-{name}-pods"), str::to_owned);
    let mut network = json!({
        "podIpv4CidrBlock": policy["clusterIpv4CidrBlock"],
        "podIpv4RangeUtilization": 0.001,
        "podRange": pod_range,
        "subnetwork": cluster["networkConfig"]["subnetwork"],
    });
    if is_private {
        network["enablePrivateNodes"] = json!(true);
    }
    let mut defaults = json!({
        "config": {
            "effectiveCgroupMode": "EFFECTIVE_CGROUP_MODE_V2",
            "imageType": "COS_CONTAINERD",
            "kubeletConfig": {"insecureKubeletReadonlyPortEnabled": false, "maxParallelImagePulls": 2},
            "machineType": machine,
            "metadata": {"disable-legacy-endpoints": "true"},
            "oauthScopes": SCOPES,
            "resourceLabels": {"goog-gke-node-pool-provisioning-model": model},
            "serviceAccount": "default",
            "shieldedInstanceConfig": {"enableIntegrityMonitoring": true},
            "windowsNodeConfig": {},
        },
        "locations": locations,
        "maxPodsConstraint": {"maxPodsPerNode": pods},
        "networkConfig": network,
        "podIpv4CidrSize": mask,
        "upgradeSettings": {"strategy": "SURGE"},
    });
    if auto {
        defaults["management"] = json!({"autoRepair": true, "autoUpgrade": true});
    }
    let no_surge = config["upgradeSettings"].get("maxSurge").is_none()
        && config["upgradeSettings"].get("maxUnavailable").is_none();
    let strategy = config["upgradeSettings"]["strategy"].as_str().unwrap_or("SURGE");
    if no_surge && strategy == "SURGE" {
        defaults["upgradeSettings"]["maxSurge"] = json!(1);
    }
    fill(config, defaults);
}

/// Returns the length of a node's range: twice as many addresses as pods.
fn pod_mask(pods: u32) -> u32 {
    32 - (pods.max(1) * 2).next_power_of_two().trailing_zeros()
}

#[cfg(test)]
mod tests {
    use super::super::defaults;
    use super::*;

    #[test]
    fn a_pool_gets_what_real_pools_have() {
        let mut config = json!({"name": "p", "config": {"machineType": "n4-standard-4",
            "resourceLabels": {"infra-owner": "u"}}});
        let mut of = json!({});
        defaults::cluster(&mut of);
        pool(&mut config, &of, &["europe-west1-b".to_owned()]);
        assert_eq!(
            config["config"]["bootDisk"],
            json!({"diskType": "hyperdisk-balanced", "sizeGb": "100"})
        );
        assert_eq!(config["podIpv4CidrSize"], 24);
        assert_eq!(config["management"], json!({"autoRepair": true, "autoUpgrade": true}));
        let labels = &config["config"]["resourceLabels"];
        assert_eq!(labels["infra-owner"], "u");
        assert_eq!(labels["goog-gke-node-pool-provisioning-model"], "on-demand");
    }
}
