use serde_json::{Value, json};

use super::*;

/// A pool as Google answers, with all that it adds by itself.
fn answered() -> Value {
    json!({
        "name": "worker",
        "config": {
            "bootDisk": {"diskType": "pd-balanced", "sizeGb": "100"},
            "diskSizeGb": 100, "diskType": "pd-balanced",
            "effectiveCgroupMode": "EFFECTIVE_CGROUP_MODE_V2",
            "imageType": "COS_CONTAINERD",
            "kubeletConfig": {"insecureKubeletReadonlyPortEnabled": false, "maxParallelImagePulls": 2},
            "labels": {"tier": "web", "cloud.google.com/gke-ephemeral": "x"},
            "machineType": "e2-medium",
            "metadata": {"disable-legacy-endpoints": "true"},
            "oauthScopes": [SCOPE],
            "resourceLabels": {"infra-owner": "u", "goog-gke-node-pool-provisioning-model": "on-demand"},
            "serviceAccount": "n@p.iam.gserviceaccount.com",
            "shieldedInstanceConfig": {"enableIntegrityMonitoring": true},
            "tags": ["z", "a"],
            "taints": [
                {"key": "only", "value": "web", "effect": "NO_EXECUTE"},
                {"key": "kubernetes.io/arch", "value": "arm64", "effect": "NO_SCHEDULE"},
                {"key": "new", "effect": "PREFER_NO_SCHEDULE"},
            ],
            "windowsNodeConfig": {},
        },
        "etag": "abc=",
        "initialNodeCount": 1,
        "instanceGroupUrls": ["https://www.googleapis.com/compute/v1/projects/p/zones/r-b/instanceGroupManagers/g"],
        "locations": ["r-b", "r-a"],
        "management": {"autoRepair": true, "autoUpgrade": true},
        "maxPodsConstraint": {"maxPodsPerNode": "110"},
        "networkConfig": {"podIpv4CidrBlock": "10.92.0.0/14", "podIpv4RangeUtilization": 0.001, "podRange": "pods"},
        "podIpv4CidrSize": 24,
        "status": "RUNNING",
        "upgradeSettings": {"maxSurge": 1, "strategy": "SURGE"},
        "version": "1.36.2-gke.1014001",
    })
}

fn shape() -> PoolShape {
    PoolShape {
        count: Some(4),
        bounds: None,
        first: None,
        machine_type: "e2-medium".to_owned(),
        disk_gib: 100,
        disk_type: "pd-balanced".to_owned(),
        image_type: "cos_containerd".to_owned(),
        spot: false,
        labels: BTreeMap::from([("tier".to_owned(), "web".to_owned())]),
        taints: vec!["only=web:NoExecute".to_owned(), "new:PreferNoSchedule".to_owned()],
        tags: vec!["z".to_owned(), "a".to_owned()],
        service_account: "n@p.iam.gserviceaccount.com".to_owned().into(),
        locations: vec!["r-b".to_owned(), "r-a".to_owned()],
    }
    .normal()
}

#[test]
fn what_google_adds_is_no_difference() {
    let pool: NodePool = serde_json::from_value(answered()).unwrap();
    assert_eq!(shape_of(&pool, Some(4)), shape());
    // Integers stand for words, and old answers have no boot disk.
    let mut other = answered();
    other["config"]["taints"][0]["effect"] = json!(3);
    other["config"].as_object_mut().unwrap().remove("bootDisk");
    let pool: NodePool = serde_json::from_value(other).unwrap();
    assert_eq!(shape_of(&pool, Some(4)), shape());
    // Before there are groups, the count is what the pool begins with.
    assert_eq!(shape_of(&pool, None).count, Some(2));
}

#[test]
fn what_is_sent_is_read_back() {
    for bounds in [None, Some(PoolBounds { min: 2, max: 9 })] {
        let count = bounds.is_none().then_some(4);
        let shape = PoolShape { count, bounds, spot: true, ..shape() };
        let marks = HashMap::from([("infra-owner".to_owned(), "u".to_owned())]);
        let sent = wire("x", "worker", &shape, marks).unwrap();
        let body = serde_json::to_value(&sent).unwrap();
        let again: NodePool = serde_json::from_value(body).unwrap();
        assert_eq!(shape_of(&again, None), shape);
    }
}

#[test]
fn a_change_by_hand_is_a_difference() {
    for (pointer, value) in [
        ("/config/machineType", json!("n2-standard-4")),
        ("/config/labels/tier", json!("db")),
        ("/config/tags/0", json!("y")),
        ("/locations/0", json!("r-c")),
        ("/config/bootDisk/sizeGb", json!("50")),
        ("/config/serviceAccount", json!("default")),
    ] {
        let mut changed = answered();
        *changed.pointer_mut(pointer).unwrap() = value;
        let pool: NodePool = serde_json::from_value(changed).unwrap();
        assert_ne!(shape_of(&pool, Some(4)), shape(), "{pointer}");
    }
}

#[test]
fn the_size_of_a_pool_that_scales_is_not_seen() {
    let mut scaled = answered();
    scaled["autoscaling"] = json!({
        "enabled": true, "totalMinNodeCount": 1, "totalMaxNodeCount": 9, "locationPolicy": "BALANCED",
    });
    let pool: NodePool = serde_json::from_value(scaled.clone()).unwrap();
    let seen = shape_of(&pool, Some(7));
    assert_eq!((seen.count, seen.bounds), (None, Some(PoolBounds { min: 1, max: 9 })));
    // By hand the limits were set for each of two zones.
    scaled["autoscaling"] = json!({"enabled": true, "minNodeCount": 1, "maxNodeCount": 3});
    let pool: NodePool = serde_json::from_value(scaled.clone()).unwrap();
    assert_eq!(shape_of(&pool, None).bounds, Some(PoolBounds { min: 2, max: 6 }));
    scaled["autoscaling"] = json!({});
    let pool: NodePool = serde_json::from_value(scaled).unwrap();
    assert_eq!(shape_of(&pool, Some(7)).count, Some(7));
}

#[test]
fn each_zone_begins_with_its_part() {
    let each = |count: Option<u32>, bounds: Option<(u32, u32)>| {
        let bounds = bounds.map(|(min, max)| PoolBounds { min, max });
        PoolShape { count, bounds, ..shape() }.initial_each_zone()
    };
    assert_eq!(each(Some(4), None), 2);
    assert_eq!(each(None, Some((0, 9))), 1);
    assert_eq!(each(None, Some((3, 9))), 2);
}

#[test]
fn keys_of_kubernetes_and_google_are_reserved() {
    for key in ["kubernetes.io/arch", "node.kubernetes.io/x", "cloud.google.com/gke", "goog-x"] {
        assert!(is_reserved(key), "{key}");
    }
    for key in ["tier", "example.com/kubernetes.io", "mykubernetes.io/x", "google"] {
        assert!(!is_reserved(key), "{key}");
    }
}
