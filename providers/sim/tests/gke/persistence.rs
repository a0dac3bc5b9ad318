//! What was going on goes on after the embedded cloud was started again.

use reqwest::Method;
use serde_json::json;

use super::client::{Google, REGION, spec, watch};

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_was_cut_off_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start_at(dir.path(), 2.0).await;
    let path = google.gke(&format!("{REGION}/clusters"));
    let operation = google.post(&path, json!({"cluster": spec("one", 1)})).await;
    let early = watch("there is an endpoint", || async {
        let cluster = google.get(&format!("{path}/one")).await;
        cluster["endpoint"].is_string().then_some(cluster)
    })
    .await;
    google.end().await;
    let google = Google::start(dir.path()).await;
    let done = google.done(&operation).await;
    assert!(done.get("error").is_none(), "{done}");
    let cluster = google.get(&format!("{path}/one")).await;
    assert_eq!(cluster["status"], "RUNNING");
    assert_eq!(cluster["endpoint"], early["endpoint"]);
    assert_eq!(cluster["masterAuth"], early["masterAuth"]);
    assert_eq!(google.kube(&cluster).ready_nodes().await.len(), 3);
    google.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_a_cluster_outlives_the_embedded_cloud() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    let cluster = google.cluster("one", 1).await;
    let kube = google.kube(&cluster);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "b"}});
    kube.post("/api/v1/namespaces/default/configmaps", map).await;
    let nodes = kube.ready_nodes().await;
    google.end().await;
    let google = Google::start(dir.path()).await;
    let cluster = google.get(&google.gke(&format!("{REGION}/clusters/one"))).await;
    let kube = google.kube(&cluster);
    watch("the API server answers", || async {
        let url = format!("{}/livez", kube.base);
        kube.http.request(Method::GET, url).bearer_auth(&kube.token).send().await.ok()
    })
    .await;
    assert_eq!(kube.get("/api/v1/namespaces/default/configmaps/kept").await["data"]["a"], "b");
    watch("the nodes are ready", || async { (kube.ready_nodes().await == nodes).then_some(()) })
        .await;
    google.drop_cluster("one").await;
    google.end().await;
}
