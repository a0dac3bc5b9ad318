use serde_json::{Value, json};

use super::*;

/// A cluster as Google answers, with much that it adds by itself.
fn answered() -> Value {
    json!({
        "name": "shop", "location": "europe-west3", "zone": "europe-west3",
        "addonsConfig": {"gcePersistentDiskCsiDriverConfig": {"enabled": true}},
        "autopilot": {}, "autoscaling": {"autoscalingProfile": "BALANCED"},
        "controlPlaneEndpointsConfig": {
            "dnsEndpointConfig": {"allowExternalTraffic": false, "endpoint": "gke-1.europe-west3.gke.goog"},
            "ipEndpointsConfig": {
                "authorizedNetworksConfig": {"gcpPublicCidrsAccessEnabled": true},
                "enablePublicEndpoint": true, "enabled": true, "globalAccess": false,
                "publicEndpoint": "203.0.113.9",
            },
        },
        "currentMasterVersion": "1.36.5-gke.1014001",
        "defaultMaxPodsConstraint": {"maxPodsPerNode": "110"},
        "endpoint": "203.0.113.9", "etag": "abc=", "initialClusterVersion": "1.36.2-gke.9",
        "ipAllocationPolicy": {"useIpAliases": true, "stackType": "IPV4"},
        "locations": ["europe-west3-b", "europe-west3-a"],
        "masterAuthorizedNetworksConfig": {"gcpPublicCidrsAccessEnabled": true},
        "network": "shop-12345678-main",
        "networkConfig": {
            "datapathProvider": "ADVANCED_DATAPATH",
            "network": "projects/p/global/networks/shop-12345678-main",
            "subnetwork": "projects/p/regions/europe-west3/subnetworks/shop-12345678-main",
        },
        "privateClusterConfig": {"publicEndpoint": "203.0.113.9"},
        "releaseChannel": {"channel": "REGULAR"},
        "resourceLabels": {
            "infra-owner": "u", "infra-name": "main", "infra-intent": "k",
            "infra-kubernetes": "1-36-2", "infra-tag-team": "shop", "infra-tag-web": "",
            "goog-terraform-provisioned": "true", "cost": "7",
        },
        "shieldedNodes": {"enabled": true}, "status": "RUNNING", "subnetwork": "shop-12345678-main",
    })
}

fn spec() -> GkeClusterSpec {
    GkeClusterSpec {
        location: "europe-west3".to_owned(),
        network: "projects/p/global/networks/shop-12345678-main".to_owned().into(),
        subnetwork: "projects/p/regions/europe-west3/subnetworks/shop-12345678-main"
            .to_owned()
            .into(),
        version: "1.36.2".to_owned(),
        channel: "regular".to_owned(),
        private_nodes: false,
        authorized_networks: Vec::new(),
        node_locations: vec!["europe-west3-a".to_owned(), "europe-west3-b".to_owned()],
        tags: vec!["team=shop".to_owned(), "web".to_owned()],
        first_pools: None,
    }
}

fn read(value: Value) -> Cluster {
    serde_json::from_value(value).unwrap()
}

#[test]
fn what_google_adds_is_no_difference() {
    assert_eq!(spec_of(&read(answered())), spec());
    let others = other_labels(&read(answered()));
    assert_eq!(others, HashMap::from([("cost".to_owned(), "7".to_owned())]));
}

#[test]
fn what_is_sent_is_read_back() {
    for private_nodes in [false, true] {
        let allowed = vec!["203.0.113.0/24".to_owned()];
        let spec = GkeClusterSpec { private_nodes, authorized_networks: allowed, ..spec() };
        let sent = wire("x", "p", "shop", &spec, HashMap::new()).unwrap();
        let mut body = serde_json::to_value(&sent).unwrap();
        assert_eq!(body["workloadIdentityConfig"]["workloadPool"], "p.svc.id.goog");
        // Google's answer repeats the network where it belongs, and where it is.
        body["networkConfig"]["network"] = body["network"].clone();
        body["networkConfig"]["subnetwork"] = body["subnetwork"].clone();
        body["location"] = json!("europe-west3");
        assert_eq!(spec_of(&read(body)), spec);
    }
}

#[test]
fn a_change_by_hand_is_a_difference() {
    for (pointer, value) in [
        ("/releaseChannel/channel", json!("RAPID")),
        ("/locations/0", json!("europe-west3-c")),
        ("/resourceLabels/infra-tag-team", json!("other")),
        ("/currentMasterVersion", json!("1.36.1-gke.1")),
    ] {
        let mut changed = answered();
        *changed.pointer_mut(pointer).unwrap() = value;
        assert_ne!(spec_of(&read(changed)), spec(), "{pointer}");
    }
}

/// Nobody else's machines at Google get in where not everybody may.
#[test]
fn who_may_connect_is_whom_infra_toml_names() {
    let narrow = serde_json::to_value(endpoints(&["203.0.113.0/24".to_owned()])).unwrap();
    let networks = &narrow["ipEndpointsConfig"]["authorizedNetworksConfig"];
    assert_eq!(networks["enabled"], true);
    assert_eq!(networks["gcpPublicCidrsAccessEnabled"], false);
    // Older answers have it under its first name only.
    let older = read(json!({"masterAuthorizedNetworksConfig": {
        "enabled": true, "cidrBlocks": [{"cidrBlock": "203.0.113.0/24"}],
    }}));
    assert_eq!(spec_of(&older).authorized_networks, ["203.0.113.0/24"]);
}
