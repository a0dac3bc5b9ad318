//! The life of node pools and of the instances in them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::client::{Google, watch};

fn pool(name: &str, count: u32) -> Value {
    json!({"nodePool": {"name": name, "initialNodeCount": count,
        "locations": ["europe-west1-b"], "config": {"machineType": "e2-standard-2"}}})
}

/// The group of a pool's only zone: its path, and the begin of its instances' names.
async fn group(google: &Google, cluster: &str, pool: &str) -> (String, String) {
    let pool = google.get(&google.pool(cluster, &format!("/{pool}"))).await;
    let url = pool["instanceGroupUrls"][0].as_str().unwrap();
    let path = url.strip_prefix("https://www.googleapis.com").unwrap().to_owned();
    let group = google.get(&path).await;
    assert_eq!(group["selfLink"], url);
    (path, group["baseInstanceName"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_grows_by_named_instances_and_shrinks_by_them() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    let cluster = google.cluster("one", 0).await;
    let operation = google.post(&google.pool("one", ""), pool("extra", 1)).await;
    assert_eq!(operation["operationType"], "CREATE_NODE_POOL");
    google.done(&operation).await;
    let (path, base) = group(&google, "one", "extra").await;
    let old = google.instances().await[0].0.clone();
    let new = format!("{base}-ab12");
    let body = json!({"instances": [{"name": new}]});
    let made = google.post(&format!("{path}/createInstances"), body.clone()).await;
    assert_eq!(made["kind"], "compute#operation");
    assert_eq!(google.get(&path).await["targetSize"], 2);
    let again = google.refused(Method::POST, &format!("{path}/createInstances"), body).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.message().contains("already exists"), "{}", again.message());
    let kube = google.kube(&cluster);
    watch("the new node is ready", || async {
        kube.ready_nodes().await.contains(&new).then_some(())
    })
    .await;
    let managed = google.post(&format!("{path}/listManagedInstances"), json!({})).await;
    let actions: Vec<_> = managed["managedInstances"].as_array().unwrap().iter().collect();
    assert!(actions.iter().all(|one| one["currentAction"] == "NONE"), "{managed}");
    let url = actions.iter().find(|one| one["name"] == old.as_str()).unwrap()["instance"].clone();
    google.post(&format!("{path}/deleteInstances"), json!({"instances": [url]})).await;
    assert_eq!(google.get(&path).await["targetSize"], 1);
    watch("the old one is gone", || async { (google.instances().await.len() == 1).then_some(()) })
        .await;
    watch("its Node is gone", || async {
        (kube.ready_nodes().await == vec![new.clone()]).then_some(())
    })
    .await;
    let stranger = json!({"instances": ["zones/europe-west1-b/instances/nobody"]});
    let refused = google.refused(Method::POST, &format!("{path}/deleteInstances"), stranger).await;
    assert!(refused.message().contains("is not a member of"), "{}", refused.message());
    google.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_is_that_of_each_zone() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    let cluster = google.cluster("one", 2).await;
    assert_eq!(google.instances().await.len(), 6);
    let path = google.pool("one", "/worker:setSize");
    let operation = google.post(&path, json!({"nodeCount": 1})).await;
    google.done(&operation).await;
    let kube = google.kube(&cluster);
    watch("three are left", || async { (google.instances().await.len() == 3).then_some(()) }).await;
    let mut zones: Vec<String> = google.instances().await.into_iter().map(|(_, z)| z).collect();
    zones.sort();
    assert_eq!(zones, ["europe-west1-b", "europe-west1-c", "europe-west1-d"]);
    watch("three Nodes are left", || async { (kube.ready_nodes().await.len() == 3).then_some(()) })
        .await;
    // Zero is the default, which a client does not write.
    let operation = google.post(&path, json!({})).await;
    google.done(&operation).await;
    watch("none is left", || async { google.instances().await.is_empty().then_some(()) }).await;
    google.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_and_taints_change_in_place_and_a_machine_type_replaces_the_nodes() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    let cluster = google.cluster("one", 1).await;
    let before = google.instances().await;
    let path = google.pool("one", "/worker");
    let wish = json!({
        "labels": {"labels": {"role": "db", "tier": "1"}},
        "taints": {"taints": [{"key": "only", "value": "db", "effect": 1}]},
    });
    let operation = google.try_call(Method::PUT, &path, Some(wish)).await.unwrap();
    assert!(operation.get("operationType").is_none(), "{operation}");
    google.done(&operation).await;
    assert_eq!(google.instances().await, before);
    let after = google.get(&path).await;
    assert_eq!(after["config"]["labels"], json!({"role": "db", "tier": "1"}));
    let kube = google.kube(&cluster);
    let node = kube.get(&format!("/api/v1/nodes/{}", before[0].0)).await;
    assert_eq!(node["metadata"]["labels"]["role"], "db");
    assert_eq!(
        node["spec"]["taints"],
        json!([{"key": "only", "value": "db", "effect": "NoSchedule"}])
    );
    let wish = json!({"machineType": "e2-standard-4"});
    let operation = google.try_call(Method::PUT, &path, Some(wish)).await.unwrap();
    assert_eq!(operation["operationType"], "UPGRADE_NODES");
    let done = google.done(&operation).await;
    assert!(done.get("error").is_none(), "{done}");
    let now = google.instances().await;
    assert_eq!(now.len(), 3);
    assert!(now.iter().all(|one| !before.contains(one)), "{now:?}");
    let node = kube.get(&format!("/api/v1/nodes/{}", now[0].0)).await;
    assert_eq!(node["status"]["capacity"]["cpu"], "4");
    google.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_goes_with_its_nodes() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    let cluster = google.cluster("one", 1).await;
    let operation = google.delete(&google.pool("one", "/worker")).await;
    assert_eq!(operation["operationType"], "DELETE_NODE_POOL");
    google.done(&operation).await;
    assert_eq!(google.get(&google.pool("one", "")).await, json!({}));
    assert!(google.instances().await.is_empty());
    assert!(google.kube(&cluster).ready_nodes().await.is_empty());
    google.end().await;
}
