//! The life of a cluster.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::client::{Google, REGION, spec, watch};

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_comes_with_its_nodes_and_goes_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    let all = google.gke("-/clusters");
    assert_eq!(google.get(&all).await, json!({}));
    let path = google.gke(&format!("{REGION}/clusters"));
    let operation = google.post(&path, json!({"cluster": spec("one", 1)})).await;
    assert_eq!(operation["operationType"], "CREATE_CLUSTER");
    assert!(
        operation["targetLink"].as_str().unwrap().ends_with("/locations/europe-west1/clusters/one")
    );
    // It is told at once, before there is anything to talk to.
    let early = google.get(&all).await["clusters"][0].clone();
    assert_eq!(early["status"], "PROVISIONING");
    assert!(early.get("endpoint").is_none(), "{early}");
    assert!(early["masterAuth"].get("clusterCaCertificate").is_none());
    let done = google.done(&operation).await;
    assert!(done.get("error").is_none() && done["endTime"].is_string(), "{done}");
    let cluster = google.get(&format!("{path}/one")).await;
    assert_eq!(cluster["status"], "RUNNING");
    assert_eq!(cluster["currentMasterVersion"], "1.34.5-gke.1076000");
    assert_eq!(cluster["currentNodeCount"], 3, "one in each of three zones");
    assert_eq!(cluster["resourceLabels"], json!({"infra-owner": "me", "infra-intent": "0123"}));
    let pool = &cluster["nodePools"][0];
    assert_eq!(pool["status"], "RUNNING");
    assert_eq!(pool["config"]["bootDisk"], json!({"diskType": "pd-balanced", "sizeGb": "50"}));
    assert_eq!(
        pool["config"]["resourceLabels"],
        json!({"infra-owner": "me", "goog-gke-node-pool-provisioning-model": "on-demand"})
    );
    let kube = google.kube(&cluster);
    let ready = kube.ready_nodes().await;
    let instances = google.instances().await;
    assert_eq!(ready, instances.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    let (name, zone) = &instances[0];
    let node = kube.get(&format!("/api/v1/nodes/{name}")).await;
    let project = &google.endpoint.gcp.project;
    assert_eq!(node["spec"]["providerID"], format!("gce://{project}/{zone}/{name}"));
    let labels = &node["metadata"]["labels"];
    assert_eq!(labels["cloud.google.com/gke-nodepool"], "worker");
    assert_eq!(labels["topology.kubernetes.io/zone"], zone.as_str());
    assert_eq!(labels["node.kubernetes.io/instance-type"], "e2-standard-2");
    assert_eq!(labels["role"], "web");
    assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.34.5-gke.1076000");
    google.drop_cluster("one").await;
    assert_eq!(google.get(&all).await, json!({}));
    assert!(google.instances().await.is_empty());
    let groups = google.get(&google.compute("aggregated/instanceGroupManagers")).await;
    let scopes = groups["items"].as_object().unwrap();
    assert!(scopes.values().all(|scope| scope.get("instanceGroupManagers").is_none()));
    google.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owners_token_opens_a_cluster() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    let cluster = google.cluster("one", 0).await;
    let mut kube = google.kube(&cluster);
    let (status, _) = kube.call(Method::GET, "/api/v1/namespaces", None).await;
    assert_eq!(status, StatusCode::OK);
    kube.token = "ya29.another".to_owned();
    let (status, _) = kube.call(Method::GET, "/api/v1/namespaces", None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    google.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_change_under_their_fingerprint_only() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    let cluster = google.cluster("one", 0).await;
    let path = google.gke(&format!("{REGION}/clusters/one:setResourceLabels"));
    let labels = json!({"infra-owner": "me", "infra-tag-a": ""});
    let stale = json!({"resourceLabels": labels, "labelFingerprint": "AAAA"});
    let refused = google.refused(Method::POST, &path, stale).await;
    assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED);
    let fresh = json!({"resourceLabels": labels, "labelFingerprint": cluster["labelFingerprint"]});
    let operation = google.post(&path, fresh).await;
    assert_eq!(operation["operationType"], "SET_LABELS");
    google.done(&operation).await;
    let after = google.get(&google.gke(&format!("{REGION}/clusters/one"))).await;
    assert_eq!(after["resourceLabels"], labels);
    assert_ne!(after["labelFingerprint"], cluster["labelFingerprint"]);
    google.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_plane_moves_up_one_minor_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    let cluster = google.cluster("one", 0).await;
    let path = google.gke(&format!("{REGION}/clusters/one"));
    let wish = |version: &str| json!({"update": {"desiredMasterVersion": version}});
    for (version, part) in
        [("1.36", "more than one minor"), ("1.33", "downgraded"), ("1.20", "found")]
    {
        let refused = google.refused(Method::PUT, &path, wish(version)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(refused.message().contains(part), "{}", refused.message());
    }
    let operation = google.try_call(Method::PUT, &path, Some(wish("1.35.4"))).await.unwrap();
    assert_eq!(operation["operationType"], "UPGRADE_MASTER");
    google.done(&operation).await;
    let after = google.get(&path).await;
    assert_eq!(after["currentMasterVersion"], "1.35.4-gke.1102000");
    assert_eq!(after["endpoint"], cluster["endpoint"]);
    let kube = google.kube(&after);
    let version = watch("the control plane answers", || async {
        let (status, version) = kube.call(Method::GET, "/version", None).await;
        status.is_success().then_some(version)
    })
    .await;
    assert_eq!(version["gitVersion"], "v1.35.4-gke.1102000");
    google.end().await;
}
