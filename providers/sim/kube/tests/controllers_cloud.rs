//! What the cloud's controllers do: nodes, load balancers, volumes, Ingresses.

mod controllers_support;

use controllers_support::objects::{driver, is_true, template, token_secret};
use controllers_support::{Sim, apps, nodes, pods};
use infra_sim_kube::Resource;
use infra_sim_kube::controllers::set_kubelet_running;
use serde_json::{Value, json};

const CCM: &str = "digitalocean/digitalocean-cloud-controller-manager:v0.1.64";

async fn with_ccm(workers: u64) -> Sim {
    let sim = Sim::empty(20.0).await;
    sim.create(&apps("daemonsets"), controllers_support::objects::cni());
    for i in 1..=workers {
        let name = format!("worker-{i}");
        sim.cloud.add_instance(&name, 100 + i);
        sim.join_with(&name, &[], true);
    }
    sim.create(&Resource::core("secrets"), token_secret());
    sim.create(&apps("deployments"), driver("ccm", CCM, "DO_ACCESS_TOKEN"));
    sim.until("initialized", |s| {
        let (all, _) = s.store().list(&nodes(), None);
        all.len() as u64 == workers
            && all.iter().all(|n| n["spec"]["providerID"].is_string() && is_true(n, "Ready"))
    })
    .await;
    sim
}

fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
        "spec": {"type": "LoadBalancer", "selector": {"app": name},
            "ports": [{"port": 80, "targetPort": "http", "nodePort": 30080, "protocol": "TCP"}]}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_initialized_and_go_with_their_droplets() {
    let sim = with_ccm(2).await;
    let n = sim.store().get(&nodes(), None, "worker-1").unwrap();
    assert_eq!(n["spec"]["providerID"], "digitalocean://101");
    assert_eq!(n["metadata"]["labels"]["topology.kubernetes.io/region"], "fra1");
    sim.until("no taints are left", |s| {
        let n = s.store().get(&nodes(), None, "worker-1").unwrap();
        n["spec"].get("taints").is_none()
    })
    .await;
    sim.clock.set_speed(200.0);
    sim.cloud.instances.lock().unwrap().remove("worker-1");
    set_kubelet_running(sim.store(), "worker-1", false).unwrap();
    sim.until("the node is gone", |s| s.store().get(&nodes(), None, "worker-1").is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_gets_a_load_balancer_that_follows_the_nodes() {
    let sim = with_ccm(2).await;
    let services = Resource::core("services");
    sim.create(&services, service("web"));
    sim.until("an address", |s| {
        s.get(&services, "web").unwrap()["status"]["loadBalancer"]["ingress"][0]["ip"]
            == "203.0.113.10"
    })
    .await;
    sim.until("both events", |s| {
        s.has_event("EnsuringLoadBalancer", "") && s.has_event("EnsuredLoadBalancer", "")
    })
    .await;
    let s = sim.get(&services, "web").unwrap();
    let id = s["metadata"]["annotations"]["kubernetes.digitalocean.com/load-balancer-id"]
        .as_str()
        .unwrap()
        .to_owned();
    let lb = sim.cloud.balancers.lock().unwrap()[&id].clone();
    assert_eq!(lb.droplet_ids, [101, 102]);
    assert_eq!((lb.ports[0].port, lb.ports[0].node_port), (80, 30080));
    sim.cloud.add_instance("worker-3", 103);
    sim.join_with("worker-3", &[], true);
    let lb_id = id.clone();
    sim.until("the third droplet", |s| {
        s.cloud.balancers.lock().unwrap()[&lb_id].droplet_ids == [101, 102, 103]
            && s.has_event("UpdatedLoadBalancer", "")
    })
    .await;
    sim.store().delete(&services, Some("default"), "web").unwrap();
    sim.until("all gone", |s| s.get(&services, "web").is_none()).await;
    assert!(sim.cloud.balancers.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ingress_gets_the_address_of_its_controller() {
    let sim = with_ccm(1).await;
    let net = |p: &str| Resource::new("networking.k8s.io", "v1", p);
    sim.create(&net("ingresses"), json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "default"}, "spec": {"ingressClassName": "nginx"}}));
    let rbac = |p: &str| Resource::new("rbac.authorization.k8s.io", "v1", p);
    let reads = json!([{"apiGroups": ["", "networking.k8s.io", "discovery.k8s.io"],
        "resources": ["ingresses", "ingressclasses", "services", "secrets", "endpointslices"],
        "verbs": ["list", "watch"]}]);
    sim.create(
        &rbac("clusterroles"),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "ingress"}, "rules": reads}),
    );
    sim.create(
        &net("ingressclasses"),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
        "metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}}),
    );
    let mut s = service("ingress");
    s["spec"]["selector"] = json!({"app": "ingress"});
    sim.create(&Resource::core("services"), s);
    sim.create(
        &apps("deployments"),
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "ingress", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "ingress"}},
            "template": template("ingress", "registry.k8s.io/ingress-nginx/controller:v1.13.0")}}),
    );
    sim.until("its pod", |s| {
        s.get(&apps("deployments"), "ingress").unwrap()["status"]["readyReplicas"] == 1
    })
    .await;
    let address = |s: &Sim| {
        s.get(&net("ingresses"), "web").unwrap()["status"]["loadBalancer"]["ingress"][0]["ip"]
            .clone()
    };
    assert!(address(&sim).is_null(), "it may not read anything yet");
    sim.create(
        &rbac("clusterrolebindings"),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "ingress"}, "roleRef": {"kind": "ClusterRole", "name": "ingress"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}]}),
    );
    sim.until("the address", |s| {
        s.get(&net("ingresses"), "web").unwrap()["status"]["loadBalancer"]["ingress"][0]["ip"]
            == "203.0.113.10"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_waits_for_its_pod_and_takes_its_volume_along() {
    let sim = with_ccm(1).await;
    sim.create(
        &apps("deployments"),
        driver("csi", "digitalocean/do-csi-plugin:v4.15.0", "DIGITALOCEAN_ACCESS_TOKEN"),
    );
    let claims = Resource::core("persistentvolumeclaims");
    sim.create(&Resource::new("storage.k8s.io", "v1", "storageclasses"), json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "do", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "dobs.csi.digitalocean.com", "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer"}));
    sim.create(
        &claims,
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}}),
    );
    sim.until("it waits", |s| s.has_event("WaitForFirstConsumer", "waiting for first consumer"))
        .await;
    assert!(sim.cloud.volumes.lock().unwrap().is_empty());
    sim.create(
        &pods(),
        json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "db", "namespace": "default", "labels": {"app": "db"}},
        "spec": {"containers": [{"name": "main", "image": "example.com/db:1"}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}}),
    );
    sim.until("bound and running", |s| {
        s.get(&claims, "data").unwrap()["status"]["phase"] == "Bound" && s.ready_pods_of("db") == 1
    })
    .await;
    let volume = sim.cloud.volumes.lock().unwrap().values().next().cloned().unwrap();
    let claim = sim.get(&claims, "data").unwrap();
    assert_eq!(volume.name, format!("pvc-{}", claim["metadata"]["uid"].as_str().unwrap()));
    assert_eq!((volume.size_gib, volume.tags), (5, vec!["infra:1".to_owned()]));
    assert_eq!(sim.cloud.attached.lock().unwrap().values().next(), Some(&101));

    // In use: the claim stays until its pod has gone, then all goes.
    sim.store().delete(&claims, Some("default"), "data").unwrap();
    assert!(
        sim.get(&claims, "data").is_some_and(|c| c["metadata"]["deletionTimestamp"].is_string())
    );
    sim.edit(&pods(), "db", |p| {
        p["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        p["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    });
    sim.until("all gone", |s| {
        s.get(&pods(), "db").is_none()
            && s.get(&claims, "data").is_none()
            && s.store().list(&Resource::core("persistentvolumes"), None).0.is_empty()
    })
    .await;
    assert!(sim.cloud.volumes.lock().unwrap().is_empty());
    assert!(sim.cloud.attached.lock().unwrap().is_empty());
}
