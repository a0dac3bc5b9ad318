//! What GKE does of its own accord, and what goes wrong there.

use reqwest::Method;
use serde_json::json;

use super::client::{Google, REGION, watch};

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_of_its_own_stands_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start_at(dir.path(), 5.0).await;
    google.cluster("one", 1).await;
    let before = google.instances().await;
    google
        .fault(json!({"effect": "upgrades_pool", "machine_glob": "one/worker", "count": 1}))
        .await;
    let operations = google.gke(&format!("{REGION}/operations"));
    let operation = watch("it begins", || async {
        let all = google.get(&operations).await;
        let all = all["operations"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["operationType"] == "AUTO_UPGRADE_NODES")
    })
    .await;
    let refused =
        google.refused(Method::POST, &google.pool("one", "/worker:setSize"), json!({})).await;
    assert_eq!(refused.reason(), "CLUSTER_ALREADY_HAS_OPERATION");
    google.done(&operation).await;
    let after = google.instances().await;
    assert_eq!(after.len(), 3);
    assert!(after.iter().all(|one| !before.contains(one)));
    google.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_node_is_repaired_under_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    let cluster = google.cluster("one", 1).await;
    let names: Vec<String> = google.instances().await.into_iter().map(|(name, _)| name).collect();
    google.fault(json!({"effect": "dies", "machine_glob": names[0], "count": 1})).await;
    let operations = google.gke(&format!("{REGION}/operations"));
    let operation = watch("the repair begins", || async {
        let all = google.get(&operations).await;
        let all = all["operations"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["operationType"] == "AUTO_REPAIR_NODES")
    })
    .await;
    google.done(&operation).await;
    let kube = google.kube(&cluster);
    watch("all are ready", || async { (kube.ready_nodes().await == names).then_some(()) }).await;
    google.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_without_machines_says_why_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start_at(dir.path(), 30.0).await;
    google.cluster("one", 0).await;
    let fault = json!({"effect": "stockout", "machine_glob": "gke-one-extra-*"});
    google.fault(fault).await;
    let wish = json!({"nodePool": {"name": "extra", "initialNodeCount": 1, "locations": ["europe-west1-b"]}});
    let operation = google.post(&google.pool("one", ""), wish).await;
    let done = google.done(&operation).await;
    assert_eq!(done["error"]["code"], 8, "{done}");
    let path = google.pool("one", "/extra");
    let pool = google.get(&path).await;
    assert_eq!(pool["status"], "RUNNING_WITH_ERROR");
    assert_eq!(pool["conditions"][0]["code"], "GCE_STOCKOUT");
    let url = pool["instanceGroupUrls"][0].as_str().unwrap();
    let group = url.strip_prefix("https://www.googleapis.com").unwrap();
    let managed = google.post(&format!("{group}/listManagedInstances"), json!({})).await;
    let error = &managed["managedInstances"][0]["lastAttempt"]["errors"]["errors"][0];
    assert_eq!(error["code"], "ZONE_RESOURCE_POOL_EXHAUSTED", "{managed}");
    google.clear_faults().await;
    watch("it has recovered", || async {
        let pool = google.get(&path).await;
        (pool["status"] == "RUNNING" && pool.get("conditions").is_none()).then_some(())
    })
    .await;
    google.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_autoscaler_keeps_to_its_bounds_and_the_channel_moves_the_version() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start_at(dir.path(), 30.0).await;
    let cluster = google.cluster("one", 1).await;
    let bounds =
        json!({"autoscaling": {"enabled": true, "totalMinNodeCount": 1, "totalMaxNodeCount": 4}});
    let operation = google.post(&google.pool("one", "/worker:setAutoscaling"), bounds).await;
    google.done(&operation).await;
    google.fault(json!({"effect": "scales_up", "machine_glob": "one/worker"})).await;
    let kube = google.kube(&cluster);
    watch("there are four", || async { (kube.ready_nodes().await.len() == 4).then_some(()) }).await;
    google.clear_faults().await;
    google.fault(json!({"effect": "moves_master", "machine_glob": "one", "count": 1})).await;
    let path = google.gke(&format!("{REGION}/clusters/one"));
    watch("the version has moved", || async {
        let now = google.get(&path).await;
        (now["currentMasterVersion"] == "1.34.6-gke.1122000" && now["status"] == "RUNNING")
            .then_some(())
    })
    .await;
    assert_eq!(google.instances().await.len(), 4);
    google.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_lacks_a_zone_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    google.cluster("one", 0).await;
    google.fault(json!({"effect": "missing_zones", "api": "gcp", "count": 1})).await;
    let all = google.get(&google.gke("-/clusters")).await;
    assert_eq!(all, json!({"missingZones": [REGION]}));
    let all = google.get(&google.gke("-/clusters")).await;
    assert_eq!(all["clusters"].as_array().unwrap().len(), 1);
    google.end().await;
}
