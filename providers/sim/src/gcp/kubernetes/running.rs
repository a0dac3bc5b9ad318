//! A cluster that runs: its objects, its API server, its controllers.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use infra_sim_kube::{Account, Accounts, Cluster, ClusterOptions, Managed, Store};
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::{objects, pki};
use crate::clusters::node_ports::{self, Machines};
use crate::faults::KubeFaults;
use crate::net::Net;
use crate::server::bind;
use crate::sim::Sim;
use crate::world::{GkeCluster, InstanceStatus};

/// A cluster that runs.
pub struct Running {
    sim: Arc<Sim>,
    /// Its row.
    pub seq: u64,
    /// The Kubernetes cluster itself.
    pub cluster: Cluster,
    /// The version it runs.
    pub version: String,
    stop: CancellationToken,
}

/// The addresses of pods and Services.
#[derive(Debug, Clone, Copy)]
pub struct Ranges {
    /// Of pods.
    pub pods: IpNet,
    /// Of Services.
    pub services: IpNet,
}

/// Returns the folder of a cluster.
pub fn folder(sim: &Sim, row: &GkeCluster) -> PathBuf {
    sim.data.join("gke").join(&row.uid)
}

/// The project's owner is an administrator of its clusters.
struct Owner(Arc<Sim>);

impl Accounts for Owner {
    fn account(&self, token: &str) -> Option<Account> {
        let gcp = &self.0.gcp;
        let is_it = !gcp.token.is_empty() && token == gcp.token;
        let groups = vec!["system:masters".to_owned()];
        is_it.then(|| Account { name: gcp.email.clone(), groups })
    }
}

impl Running {
    /// Starts the cluster of a row that has an authority and an endpoint.
    ///
    /// # Errors
    /// Returns a sentence if its folder can't be used, or nothing can be listened on.
    pub async fn open(
        sim: Arc<Sim>,
        row: &GkeCluster,
        ranges: Ranges,
    ) -> Result<Arc<Self>, String> {
        let Some(endpoint) = row.endpoint else {
            return Err(format!("the cluster {} has no endpoint", row.name));
        };
        let folder = folder(&sim, row);
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let managed = Managed {
            token: sim.gcp.token.clone(),
            volume_driver: objects::VOLUME_DRIVER.to_owned(),
            zone_label: objects::ZONE_LABEL.to_owned(),
            accounts: Arc::new(Owner(sim.clone())),
        };
        let cluster = Cluster::open(ClusterOptions {
            dir: folder.join("objects"),
            name: row.name.clone(),
            pod_cidr: ranges.pods,
            service_cidr: ranges.services,
            kubernetes_version: format!("v{}", row.version),
            ca_cert_pem: row.ca_cert_pem.clone(),
            cloud: Arc::new(Access::new(sim.clone(), row.seq)),
            clock: sim.clock.clone(),
            faults: Arc::new(KubeFaults(sim.faults.clone())),
            seed: sim.seed,
            pod_security: infra_sim_kube::PodSecurity::default(),
            checks_kubelets: false,
            managed: Some(managed),
        })
        .await
        .map_err(|e| e.to_string())?;
        objects::install(&cluster, &endpoint.to_string())?;
        let listener = bind(endpoint).map_err(|e| format!("cannot listen on {endpoint}: {e}"))?;
        let service = ranges.services.hosts().next();
        let (cert, key) = pki::server(&row.ca_cert_pem, &row.ca_key_pem, endpoint.ip(), service)?;
        let stop = sim.stop.child_token();
        cluster.start_controllers(stop.clone());
        let (serving, until) = (cluster.clone(), stop.clone());
        tokio::spawn(async move {
            let keys = infra_sim_kube::SecretKeys::default();
            if let Err(e) = serving.serve(listener, &cert, &key, &keys, until).await {
                tracing::error!("an API server ended: {e}");
            }
        });
        let version = row.version.clone();
        let running = Arc::new(Self { sim, seq: row.seq, cluster, version, stop: stop.clone() });
        tokio::spawn(node_ports::run(running.clone(), stop));
        Ok(running)
    }

    /// Stops it; its objects stay.
    pub fn stop(&self) {
        self.stop.cancel();
    }
}

#[async_trait]
impl Machines for Running {
    fn store(&self) -> &Store {
        self.cluster.store()
    }

    fn net(&self) -> &Net {
        &self.sim.net
    }

    async fn machines(&self, nodes: Option<&[String]>) -> Vec<u64> {
        self.sim.world.read(|w| {
            w.instances
                .by_group(self.seq)
                .filter(|one| one.status == InstanceStatus::Running)
                .filter(|one| nodes.is_none_or(|names| names.contains(&one.name)))
                .map(|one| one.id)
                .collect()
        })
    }
}

/// Finds a free socket for an API server: port 443 of an address of its own where that may be bound,
/// else any port of it.
///
/// # Errors
/// Returns a sentence if there is none.
pub fn new_endpoint(sim: &Sim) -> Result<SocketAddr, String> {
    let ip = sim
        .world
        .write(|w| w.next_public(&[443]))
        .ok_or_else(|| "there is no free address".to_owned())?;
    let place = |port| SocketAddr::new(IpAddr::V4(ip), port);
    let listener = bind(place(443))
        .or_else(|_| bind(place(0)))
        .map_err(|e| format!("cannot listen on {ip}: {e}"))?;
    listener.local_addr().map_err(|e| e.to_string())
}
