//! A cluster without an API server, on a cloud that only remembers what it was asked for.
#![allow(dead_code)]

mod cloud;
pub mod objects;

use std::sync::Arc;
use std::time::Duration;

use infra_sim_kube::controllers::{NodeRegistration, Taint, register_node};
use infra_sim_kube::{Clock, Cluster, ClusterOptions, NoFaults, Resource, Store};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub use cloud::FakeCloud;

/// One cluster; its controllers end with it.
pub struct Sim {
    pub cluster: Cluster,
    pub cloud: Arc<FakeCloud>,
    pub clock: Arc<Clock>,
    stop: CancellationToken,
    _dir: tempfile::TempDir,
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub fn pods() -> Resource {
    Resource::core("pods")
}

pub fn nodes() -> Resource {
    Resource::core("nodes")
}

pub fn apps(plural: &str) -> Resource {
    Resource::new("apps", "v1", plural)
}

impl Sim {
    /// A cluster without nodes.
    pub async fn empty(speed: f64) -> Sim {
        let dir = tempfile::tempdir().unwrap();
        let cloud = Arc::new(FakeCloud::default());
        let clock = Arc::new(Clock::new(speed));
        let cluster = Cluster::open(ClusterOptions {
            dir: dir.path().to_owned(),
            name: "test".into(),
            pod_cidr: "10.244.0.0/14".parse().unwrap(),
            service_cidr: "10.96.0.0/16".parse().unwrap(),
            kubernetes_version: "v1.34.1".into(),
            ca_cert_pem: objects::CA.clone(),
            cloud: cloud.clone(),
            clock: clock.clone(),
            faults: Arc::new(NoFaults),
            seed: 1,
            pod_security: infra_sim_kube::PodSecurity::default(),
            checks_kubelets: false,
            managed: None,
        })
        .await
        .unwrap();
        let stop = CancellationToken::new();
        cluster.start_controllers(stop.clone());
        let sim = Sim { cluster, cloud, clock, stop, _dir: dir };
        for ns in ["default", "kube-system", "kube-node-lease"] {
            let r = Resource::core("namespaces");
            if sim.store().get(&r, None, ns).is_none() {
                sim.create(&r, objects::namespace(ns));
            }
        }
        sim
    }

    /// A cluster with so many Ready workers.
    pub async fn with_workers(n: usize, speed: f64) -> Sim {
        let sim = Sim::empty(speed).await;
        sim.create(&apps("daemonsets"), objects::cni());
        for i in 1..=n {
            sim.join(&format!("worker-{i}"));
        }
        sim.until("all nodes are ready", |s| s.ready_nodes() == n).await;
        sim
    }

    pub fn store(&self) -> &Store {
        self.cluster.store()
    }

    pub fn create(&self, r: &Resource, o: Value) -> Arc<Value> {
        self.store().create(r, o).unwrap()
    }

    pub fn get(&self, r: &Resource, name: &str) -> Option<Arc<Value>> {
        self.store().get(r, Some("default"), name)
    }

    pub fn edit(&self, r: &Resource, name: &str, mut f: impl FnMut(&mut Value)) {
        let ns = if r.plural == "nodes" { None } else { Some("default") };
        self.store().modify(r, ns, name, &mut f).unwrap();
    }

    /// Registers a worker with a running kubelet.
    pub fn join(&self, name: &str) {
        self.join_with(name, &[], false);
    }

    pub fn join_with(&self, name: &str, taints: &[(&str, &str)], external: bool) {
        let registration = NodeRegistration {
            name: name.into(),
            labels: Default::default(),
            taints: taints
                .iter()
                .map(|(key, effect)| Taint {
                    key: (*key).into(),
                    value: String::new(),
                    effect: (*effect).into(),
                })
                .collect(),
            private_ip: "10.0.0.5".parse().unwrap(),
            public_ip: None,
            kubelet_version: "v1.34.1".into(),
            provider_external: external,
            server_tls_bootstrap: false,
            vcpus: 2,
            memory_mib: 4096,
            pods_max: 110,
            provider_id: None,
        };
        register_node(self.store(), &registration).unwrap();
    }

    pub fn ready_nodes(&self) -> usize {
        let (all, _) = self.store().list(&nodes(), None);
        all.iter().filter(|n| objects::is_true(n, "Ready")).count()
    }

    /// The pods of the default namespace with that label `app` that are not being deleted.
    pub fn pods_of(&self, app: &str) -> Vec<Arc<Value>> {
        let (all, _) = self.store().list(&pods(), Some("default"));
        all.into_iter()
            .filter(|p| p["metadata"]["labels"]["app"] == app)
            .filter(|p| p["metadata"]["deletionTimestamp"].is_null())
            .collect()
    }

    pub fn ready_pods_of(&self, app: &str) -> usize {
        let all = self.pods_of(app);
        all.iter().filter(|p| objects::is_true(p, "Ready")).count()
    }

    pub fn has_event(&self, reason: &str, part: &str) -> bool {
        let (all, _) = self.store().list(&Resource::core("events"), None);
        all.iter()
            .any(|e| e["reason"] == reason && e["message"].as_str().unwrap_or("").contains(part))
    }

    /// Waits for a condition by watching, for at most 20 s.
    pub async fn until(&self, what: &str, ok: impl FnMut(&Sim) -> bool) {
        self.within(Duration::from_secs(20), what, ok).await;
    }

    /// The same with a deadline of its own.
    pub async fn within(&self, time: Duration, what: &str, mut ok: impl FnMut(&Sim) -> bool) {
        let mut watch = self.store().watch_all(self.store().revision());
        let wait = async {
            while !ok(self) {
                // A watch that lost its place starts again.
                if watch.next().await.is_err() {
                    watch = self.store().watch_all(self.store().revision());
                }
            }
        };
        if tokio::time::timeout(time, wait).await.is_err() {
            panic!("not in time: {what}\n{}", self.dump());
        }
    }

    /// What there is, for a failed test.
    fn dump(&self) -> String {
        let mut out = String::new();
        for kind in ["pods", "nodes", "events", "persistentvolumeclaims", "services"] {
            let (all, _) = self.store().list(&Resource::core(kind), None);
            for o in all {
                out += &format!(
                    "{kind} {} {} {} {}\n",
                    o["metadata"]["name"], o["spec"], o["status"], o["message"]
                );
            }
        }
        for kind in ["deployments", "replicasets", "statefulsets", "daemonsets"] {
            let (all, _) = self.store().list(&apps(kind), None);
            for o in all {
                out += &format!("{kind} {} {}\n", o["metadata"]["name"], o["status"]);
            }
        }
        out.chars().take(12_000).collect()
    }
}
