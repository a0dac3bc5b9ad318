//! Nodes, scheduling, kubelets.

mod controllers_support;

use controllers_support::objects::{cni, condition, deployment, is_true};
use controllers_support::{Sim, apps, nodes, pods};
use infra_sim_kube::Resource;
use infra_sim_kube::controllers::{
    ControlPlane, KubeadmAddons, add_static_pods, kubeadm_addons, set_kubelet_running, unregister,
};
use serde_json::{Value, json};

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": "example.com/a:1"}]}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_ready_when_it_has_a_network() {
    let sim = Sim::empty(10.0).await;
    sim.join("worker-1");
    sim.until("not ready, with kubelet's reason", |s| {
        let n = s.store().get(&nodes(), None, "worker-1").unwrap();
        let c = condition(&n, "Ready");
        c["status"] == "False"
            && c["reason"] == "KubeletNotReady"
            && c["message"].as_str().unwrap().contains("cni plugin not initialized")
    })
    .await;
    sim.create(&pods(), pod("early"));
    sim.until("no node for the pod", |s| s.has_event("FailedScheduling", "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }")).await;
    sim.create(&apps("daemonsets"), cni());
    sim.until("ready, and the pod runs", |s| {
        s.ready_nodes() == 1 && s.get(&pods(), "early").is_some_and(|p| is_true(&p, "Ready"))
    })
    .await;
    let n = sim.store().get(&nodes(), None, "worker-1").unwrap();
    assert_eq!(n["spec"]["podCIDR"], "10.244.0.0/24");
    assert!(n["spec"].get("taints").is_none(), "{}", n["spec"]);
    let p = sim.get(&pods(), "early").unwrap();
    assert_eq!(p["status"]["phase"], "Running");
    assert!(p["status"]["podIP"].as_str().unwrap().starts_with("10.244.0."));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_kubeadm_installs_comes_up() {
    let sim = Sim::empty(10.0).await;
    sim.create(&apps("daemonsets"), cni());
    sim.join_with("cp-1", &[("node-role.kubernetes.io/control-plane", "NoSchedule")], false);
    let addons = KubeadmAddons {
        kubernetes_version: "v1.34.1".into(),
        image_repository: "registry.k8s.io".into(),
        service_cidr: "10.96.0.0/16".parse().unwrap(),
        pod_cidr: "10.244.0.0/16".parse().unwrap(),
        dns_domain: "cluster.local".into(),
        endpoint: "203.0.113.1:6443".into(),
        skip_coredns: false,
        skip_kube_proxy: false,
    };
    let member = ControlPlane {
        node: "cp-1".into(),
        ip: "10.0.0.2".parse().unwrap(),
        kubernetes_version: "v1.34.1".into(),
        image_repository: "registry.k8s.io".into(),
    };
    for _ in 0..2 {
        kubeadm_addons(sim.store(), &addons).unwrap();
        add_static_pods(sim.store(), &member).unwrap();
    }
    sim.until("all of kube-system is ready", |s| {
        let (all, _) = s.store().list(&pods(), Some("kube-system"));
        // cni, kube-proxy, 2 coredns, 4 static pods
        all.len() == 8 && all.iter().all(|p| is_true(p, "Ready"))
    })
    .await;
    let etcd = sim.store().get(&pods(), Some("kube-system"), "etcd-cp-1").unwrap();
    assert_eq!(etcd["status"]["podIP"], "10.0.0.5", "the host's address");
    unregister(sim.store(), "cp-1").unwrap();
    sim.until("its static pods went with it", |s| {
        s.store().get(&pods(), Some("kube-system"), "etcd-cp-1").is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_node_is_left_by_its_pods() {
    let sim = Sim::with_workers(2, 200.0).await;
    sim.create(&apps("deployments"), deployment("web", 2));
    sim.until("both run", |s| s.ready_pods_of("web") == 2).await;
    set_kubelet_running(sim.store(), "worker-1", false).unwrap();
    sim.until("unknown and tainted", |s| {
        let n = s.store().get(&nodes(), None, "worker-1").unwrap();
        let taints = n["spec"]["taints"].to_string();
        condition(&n, "Ready")["status"] == "Unknown"
            && taints.contains("node.kubernetes.io/unreachable")
            && taints.contains("NoExecute")
    })
    .await;
    sim.until("both on the other node", |s| {
        let on_other = s
            .pods_of("web")
            .iter()
            .filter(|p| p["spec"]["nodeName"] == "worker-2" && is_true(p, "Ready"))
            .count();
        on_other == 2
    })
    .await;
    // The pod on the dead node hangs until its Node is deleted.
    let (all, _) = sim.store().list(&pods(), Some("default"));
    assert!(
        all.iter().any(|p| p["spec"]["nodeName"] == "worker-1"
            && !p["metadata"]["deletionTimestamp"].is_null())
    );
    unregister(sim.store(), "worker-1").unwrap();
    sim.until("collected", |s| {
        let (all, _) = s.store().list(&pods(), None);
        all.iter().all(|p| p["spec"]["nodeName"] != "worker-1")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_comes_back_is_ready_again() {
    let sim = Sim::with_workers(1, 500.0).await;
    set_kubelet_running(sim.store(), "worker-1", false).unwrap();
    sim.until("unknown", |s| s.ready_nodes() == 0).await;
    set_kubelet_running(sim.store(), "worker-1", true).unwrap();
    sim.until("ready, without taints", |s| {
        let n = s.store().get(&nodes(), None, "worker-1").unwrap();
        is_true(&n, "Ready") && n["spec"].get("taints").is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cordon_keeps_pods_away_and_missing_config_says_so() {
    let sim = Sim::with_workers(1, 10.0).await;
    sim.edit(&nodes(), "worker-1", |n| n["spec"]["unschedulable"] = json!(true));
    sim.create(&pods(), pod("a"));
    sim.until("unschedulable", |s| s.has_event("FailedScheduling", "1 node(s) were unschedulable"))
        .await;
    sim.edit(&nodes(), "worker-1", |n| n["spec"]["unschedulable"] = json!(false));
    sim.until("runs", |s| s.ready_pods_of("a") == 1).await;
    let mut p = pod("b");
    p["spec"]["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "settings"}}]);
    sim.create(&pods(), p);
    sim.until("says what is missing", |s| {
        s.get(&pods(), "b").is_some_and(|p| {
            let w = &p["status"]["containerStatuses"][0]["state"]["waiting"];
            w["reason"] == "CreateContainerConfigError"
                && w["message"] == "configmap \"settings\" not found"
        })
    })
    .await;
    sim.create(
        &Resource::core("configmaps"),
        json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "default"}, "data": {}}),
    );
    sim.until("goes on", |s| s.ready_pods_of("b") == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crashing_pod_backs_off_and_counts() {
    let sim = Sim::with_workers(1, 100.0).await;
    let mut p = pod("crash");
    p["metadata"]["annotations"] = json!({"sim.infra/crash": "true"});
    sim.create(&pods(), p);
    let mut backed_off = false;
    sim.until("two restarts", |s| {
        let Some(p) = s.get(&pods(), "crash") else { return false };
        let c = &p["status"]["containerStatuses"][0];
        backed_off |= c["state"]["waiting"]["reason"] == "CrashLoopBackOff";
        backed_off && c["restartCount"].as_i64().unwrap_or(0) >= 2
    })
    .await;
}
