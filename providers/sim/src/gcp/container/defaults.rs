//! What GKE fills in where a request says nothing, as real answers show it.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The scopes of nodes that name none.
pub(super) const SCOPES: [&str; 6] = [
    "https://www.googleapis.com/auth/devstorage.read_only",
    "https://www.googleapis.com/auth/logging.write",
    "https://www.googleapis.com/auth/monitoring",
    "https://www.googleapis.com/auth/service.management.readonly",
    "https://www.googleapis.com/auth/servicecontrol",
    "https://www.googleapis.com/auth/trace.append",
];

/// Lays defaults below what is there: nothing that is there changes.
pub fn fill(into: &mut Value, defaults: Value) {
    match (into, defaults) {
        (Value::Object(into), Value::Object(defaults)) => {
            for (key, value) in defaults {
                fill(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into @ Value::Null, defaults) => *into = defaults,
        _ => {}
    }
}

/// Lays changes over what is there; a null takes a field away.
pub fn lay(over: &mut Value, changes: &Value) {
    match (over, changes) {
        (Value::Object(over), Value::Object(changes)) => {
            for (key, value) in changes {
                if value.is_null() {
                    over.remove(key);
                } else if value.is_object() {
                    lay(over.entry(key.clone()).or_insert(json!({})), value);
                } else {
                    over.insert(key.clone(), value.clone());
                }
            }
        }
        (over, changes) => *over = changes.clone(),
    }
}

/// Fills in what a request for a cluster leaves open. The network and its ranges are filled in elsewhere.
pub fn cluster(config: &mut Value) {
    let channel = config["releaseChannel"]["channel"].as_str().unwrap_or("REGULAR").to_owned();
    config["releaseChannel"] = json!({"channel": channel});
    private_nodes(config);
    let endpoints = "controlPlaneEndpointsConfig";
    let networks = "masterAuthorizedNetworksConfig";
    // There are two ways to say who may reach the control plane; answers tell it in both.
    if config[networks].is_object() {
        config[endpoints]["ipEndpointsConfig"]["authorizedNetworksConfig"] =
            config[networks].clone();
    } else if config[endpoints]["ipEndpointsConfig"]["authorizedNetworksConfig"].is_object() {
        config[networks] =
            config[endpoints]["ipEndpointsConfig"]["authorizedNetworksConfig"].clone();
    }
    let open = json!({"gcpPublicCidrsAccessEnabled": true});
    fill(
        config,
        json!({
            "addonsConfig": {
                "dnsCacheConfig": {"enabled": true},
                "gcePersistentDiskCsiDriverConfig": {"enabled": true},
                "kubernetesDashboard": {"disabled": true},
                "networkPolicyConfig": {"disabled": true},
                "nodeReadinessConfig": {},
            },
            "anonymousAuthenticationConfig": {"mode": "ENABLED"},
            "autopilot": {},
            "autoscaling": {
                "autoprovisioningNodePoolDefaults": {
                    "imageType": "COS_CONTAINERD",
                    "management": {"autoRepair": true, "autoUpgrade": true},
                    "oauthScopes": SCOPES,
                    "serviceAccount": "default",
                },
                "autoscalingProfile": "BALANCED",
            },
            "binaryAuthorization": {},
            "controlPlaneEgress": {"mode": "VIA_CONTROL_PLANE"},
            "controlPlaneEndpointsConfig": {
                "dnsEndpointConfig": {"allowExternalTraffic": false, "enableK8sTokensViaDns": false},
                "ipEndpointsConfig": {
                    "authorizedNetworksConfig": open,
                    "enablePublicEndpoint": true, "enabled": true, "globalAccess": false,
                },
            },
            "databaseEncryption": {"currentState": "CURRENT_STATE_DECRYPTED", "state": "DECRYPTED"},
            "defaultMaxPodsConstraint": {"maxPodsPerNode": "110"},
            "enterpriseConfig": {"clusterTier": "STANDARD"},
            "ipAllocationPolicy": {
                "networkTierConfig": {"networkTier": "NETWORK_TIER_DEFAULT"},
                "podCidrOverprovisionConfig": {}, "stackType": "IPV4",
            },
            "legacyAbac": {},
            "loggingConfig": {"componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS", "WORKLOADS"]}},
            "loggingService": "logging.googleapis.com/kubernetes",
            "masterAuth": {"clientCertificateConfig": {}},
            "masterAuthorizedNetworksConfig": open,
            "monitoringConfig": {
                "advancedDatapathObservabilityConfig": {},
                "componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS", "DAEMONSET", "DEPLOYMENT",
                    "STATEFULSET", "JOBSET", "STORAGE", "HPA", "POD", "CADVISOR", "KUBELET", "DCGM"]},
                "managedPrometheusConfig": {"enabled": true},
            },
            "monitoringService": "monitoring.googleapis.com/kubernetes",
            "networkConfig": {"defaultSnatStatus": {}, "serviceExternalIpsConfig": {}},
            "nodeCreationConfig": {"nodeCreationMode": "VIA_KUBELET"},
            "nodePoolAutoConfig": {"nodeKubeletConfig": {"insecureKubeletReadonlyPortEnabled": false}},
            "nodePoolDefaults": {"nodeConfigDefaults": {
                "loggingConfig": {"variantConfig": {"variant": "DEFAULT"}},
                "nodeKubeletConfig": {"insecureKubeletReadonlyPortEnabled": false},
            }},
            "notificationConfig": {"pubsub": {}},
            "podAutoscaling": {"hpaProfile": "PERFORMANCE"},
            "rbacBindingConfig": {
                "enableInsecureBindingSystemAuthenticated": true,
                "enableInsecureBindingSystemUnauthenticated": true,
            },
            "securityPostureConfig": {"mode": "BASIC", "vulnerabilityMode": "VULNERABILITY_MODE_UNSPECIFIED"},
            "shieldedNodes": {"enabled": true},
            "userManagedKeysConfig": {},
        }),
    );
    // New clusters have it whatever is asked for.
    config["ipAllocationPolicy"]["useIpAliases"] = json!(true);
    if config["networkPolicy"].as_object().is_some_and(serde_json::Map::is_empty) {
        config["networkPolicy"] = Value::Null;
    }
    maintenance(config);
}

/// Brings a maintenance policy into the form of answers.
pub fn maintenance(config: &mut Value) {
    fill(config, json!({"maintenancePolicy": {}}));
    let policy = &mut config["maintenancePolicy"];
    if let Some(policy) = policy.as_object_mut() {
        policy.retain(|_, value| value.as_object().is_none_or(|map| !map.is_empty()));
        policy.remove("resourceVersion");
    }
    if policy["window"]["dailyMaintenanceWindow"].is_object() {
        policy["window"]["dailyMaintenanceWindow"]["duration"] = json!("PT4H0M0S");
    } else if policy["window"].is_null() {
        policy["window"] = Value::Null;
    }
    let digest = Sha256::digest(policy.to_string().as_bytes());
    policy["resourceVersion"] = json!(hex::encode(&digest[..4]));
}

/// Tells in both ways whether nodes have public addresses.
fn private_nodes(config: &mut Value) {
    let is_private = config["privateClusterConfig"]["enablePrivateNodes"] == true
        || config["networkConfig"]["defaultEnablePrivateNodes"] == true;
    if is_private {
        config["networkConfig"]["defaultEnablePrivateNodes"] = json!(true);
        config["privateClusterConfig"]["enablePrivateNodes"] = json!(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_reach_the_control_plane_is_told_twice() {
        let mut config = json!({"masterAuthorizedNetworksConfig": {"enabled": true}});
        cluster(&mut config);
        let inner = &config["controlPlaneEndpointsConfig"]["ipEndpointsConfig"];
        assert_eq!(inner["authorizedNetworksConfig"]["enabled"], true);
        assert_eq!(config["releaseChannel"]["channel"], "REGULAR");
    }

    #[test]
    fn changes_are_laid_over_field_by_field() {
        let mut over = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        lay(&mut over, &json!({"a": {"b": 3}, "d": [2], "e": null}));
        assert_eq!(over, json!({"a": {"b": 3, "c": 2}, "d": [2]}));
    }
}
