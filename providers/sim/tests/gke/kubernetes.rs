//! What runs in a cluster: pods, volumes, load balancers.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Google, Kube, watch};

async fn deploy(kube: &Kube, volume: bool) {
    let mut pod = json!({
        "containers": [{"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}],
    });
    if volume {
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}});
        kube.post("/api/v1/namespaces/default/persistentvolumeclaims", claim).await;
        pod["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
        pod["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
    }
    let labels = json!({"app": "web"});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod}}});
    kube.post("/apis/apps/v1/namespaces/default/deployments", deployment).await;
    watch("the pod runs", || async {
        let path = "/apis/apps/v1/namespaces/default/deployments/web";
        (kube.get(path).await["status"]["readyReplicas"] == 1).then_some(())
    })
    .await;
}

async fn balancer(kube: &Kube) -> Value {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"},
            "ports": [{"port": 8080, "targetPort": 80}]}});
    kube.post("/api/v1/namespaces/default/services", service).await;
    watch("the Service has an address", || async {
        let service = kube.get("/api/v1/namespaces/default/services/web").await;
        service["status"]["loadBalancer"]["ingress"][0]["ip"].is_string().then_some(service)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_gets_a_load_balancer_that_forwards() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    let cluster = google.cluster("one", 1).await;
    let kube = google.kube(&cluster);
    deploy(&kube, false).await;
    let service = balancer(&kube).await;
    let ip = service["status"]["loadBalancer"]["ingress"][0]["ip"].as_str().unwrap();
    watch("traffic gets through", || async {
        let answer = google.http.get(format!("http://{ip}:8080/")).send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    let uid = service["metadata"]["uid"].as_str().unwrap().replace('-', "");
    let name: String = format!("a{uid}").chars().take(32).collect();
    let rule = google.compute(&format!("regions/europe-west1/forwardingRules/{name}"));
    assert_eq!(google.get(&rule).await["IPAddress"], ip);
    kube.call(Method::DELETE, "/api/v1/namespaces/default/services/web", None).await;
    watch("the load balancer is gone", || async {
        google.try_call(Method::GET, &rule, None).await.err()
    })
    .await;
    google.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_cluster_leaves_load_balancers_and_disks() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    for leaves in [true, false] {
        google.set("settings", json!({"gke_leaves": leaves})).await;
        let cluster = google.cluster("one", 1).await;
        let kube = google.kube(&cluster);
        deploy(&kube, true).await;
        balancer(&kube).await;
        let volumes = kube.get("/api/v1/persistentvolumes").await;
        let handle =
            volumes["items"][0]["spec"]["csi"]["volumeHandle"].as_str().unwrap().to_owned();
        let path = format!("/compute/v1/{handle}");
        let disk = google.get(&path).await;
        assert_eq!(disk["sizeGb"], "5");
        assert!(disk["users"].as_array().is_some_and(|users| users.len() == 1), "{disk}");
        google.drop_cluster("one").await;
        let left = google.try_call(Method::GET, &path, None).await.is_ok();
        assert_eq!(left, leaves);
        if left {
            let rules = google.get(&google.compute("aggregated/forwardingRules")).await;
            assert!(rules["items"]["regions/europe-west1"]["forwardingRules"].is_array());
            let groups = google.get(&google.compute("aggregated/networkEndpointGroups")).await;
            let one = &groups["items"]["zones/europe-west1-b"]["networkEndpointGroups"][0];
            let description: Value =
                serde_json::from_str(one["description"].as_str().unwrap()).unwrap();
            assert_eq!(description["cluster-uid"], cluster["id"]);
            assert_eq!(description["service-name"], "web");
        }
    }
    google.end().await;
}
