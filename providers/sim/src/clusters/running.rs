//! One cluster that runs: its objects, its API servers, its members.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use infra_sim_kube::{Cluster, ClusterOptions};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::leader::Leader;
use super::quorum::{QuorumFaults, has_quorum};
use super::record::ClusterRecord;
use super::{node_ports, reach, serving, signer};
use crate::cloud::CloudAccess;
use crate::error::SimError;
use crate::faults::{Effect, KubeFaults};
use crate::sim::Sim;
use crate::stand_in::MemberState;
use crate::stand_in::kubeadm::pin_of;
use crate::world::DropletStatus;

/// How often it is looked whether an etcd still hangs.
const ETCD_PAUSE: Duration = Duration::from_millis(100);

/// A cluster that runs.
pub struct Running {
    pub(super) sim: Arc<Sim>,
    folder: PathBuf,
    /// The pin of its authority.
    pub(super) pin: String,
    /// The Kubernetes cluster itself.
    pub cluster: Cluster,
    pub(super) state: Mutex<State>,
    quorum: Arc<AtomicBool>,
    /// Which member of etcd leads.
    pub(super) leader: std::sync::Mutex<Leader>,
    /// Cancelled when the cluster goes away.
    pub(super) stop: CancellationToken,
}

pub(super) struct State {
    pub(super) record: ClusterRecord,
    /// What stops the API server of a machine.
    pub(super) listeners: HashMap<u64, CancellationToken>,
}

impl Running {
    /// Opens the cluster of a record and starts its controllers. API servers are started one by one.
    ///
    /// # Errors
    /// Returns an error if its folder can't be read or written.
    pub async fn open(
        sim: Arc<Sim>,
        folder: PathBuf,
        record: ClusterRecord,
    ) -> Result<Arc<Self>, SimError> {
        let failed = |reason: String| SimError::Part { part: "Kubernetes", reason };
        std::fs::create_dir_all(&folder).map_err(|e| SimError::io("create", &folder, e))?;
        record.save(&folder)?;
        let pin = pin_of(&record.ca_cert_pem).map_err(failed)?;
        let quorum = Arc::new(AtomicBool::new(true));
        let faults = QuorumFaults {
            inner: Arc::new(KubeFaults(sim.faults.clone())),
            quorum: quorum.clone(),
        };
        let cluster = Cluster::open(ClusterOptions {
            dir: folder.join("objects"),
            name: record.name.clone(),
            pod_cidr: record.pod_cidr,
            service_cidr: record.service_cidr,
            kubernetes_version: record.kubernetes_version.clone(),
            ca_cert_pem: record.ca_cert_pem.clone(),
            cloud: Arc::new(CloudAccess::new(sim.clone())),
            clock: sim.clock.clone(),
            faults: Arc::new(faults),
            seed: sim.seed,
            pod_security: record.pod_security.clone(),
            checks_kubelets: record.checks_kubelets,
            managed: None,
        })
        .await
        .map_err(|e| failed(e.to_string()))?;
        let stop = sim.stop.child_token();
        cluster.start_controllers(stop.clone());
        let signing = signer::run(cluster.store().clone(), sim.clock.clone());
        let until = stop.clone();
        tokio::spawn(async move { until.run_until_cancelled(signing).await });
        let running = Arc::new(Self {
            sim,
            folder,
            pin,
            cluster,
            state: Mutex::new(State { record, listeners: HashMap::new() }),
            quorum,
            leader: std::sync::Mutex::default(),
            stop: stop.clone(),
        });
        tokio::spawn(node_ports::run(running.clone(), stop.clone()));
        tokio::spawn(serving::run(running.clone(), stop.clone()));
        tokio::spawn(reach::run(running.clone(), stop));
        Ok(running)
    }

    pub(super) fn is_up(&self, droplet: u64) -> bool {
        self.sim.world.droplet(droplet).is_some_and(|d| d.status == DropletStatus::Active)
    }

    /// Returns true if a machine runs, and etcd on it takes part.
    pub(super) fn etcd_answers(&self, droplet: u64) -> bool {
        self.is_up(droplet) && !self.etcd_hangs(droplet)
    }

    fn etcd_hangs(&self, droplet: u64) -> bool {
        let droplet = self.sim.world.droplet(droplet);
        droplet.is_some_and(|d| self.sim.faults.lasts(&d.name, Effect::EtcdHangs))
    }

    /// Waits until etcd on a machine does not hang.
    pub(super) async fn until_etcd_answers(&self, droplet: u64) {
        while self.etcd_hangs(droplet) {
            tokio::time::sleep(ETCD_PAUSE).await;
        }
    }

    pub(super) fn save(&self, state: &State) {
        if let Err(e) = state.record.save(&self.folder) {
            tracing::error!("a cluster is not recorded: {e}");
        }
        self.count(state);
    }

    fn count(&self, state: &State) {
        let members = &state.record.members;
        let leads = self.has_leader(members);
        let quorum = leads && has_quorum(members, |d| self.etcd_answers(d));
        if self.quorum.swap(quorum, Ordering::Relaxed) != quorum {
            tracing::info!(cluster = %state.record.name, quorum, "etcd's quorum changed");
        }
    }

    /// Counts again: an etcd may hang, or answer again, without any change of the members.
    pub(super) async fn count_again(&self) {
        self.count(&*self.state.lock().await);
    }

    /// Notes that a machine is a node.
    pub async fn add_node(&self, droplet: u64, node: &str) {
        let mut state = self.state.lock().await;
        state.record.nodes.retain(|n| n.droplet != droplet);
        let row = super::record::NodeRow { droplet, node: node.to_owned() };
        // Thousands may join: only the new line is written.
        if let Err(e) = row.append(&self.folder) {
            tracing::error!("a cluster's node is not recorded: {e}");
        }
        state.record.nodes.push(row);
    }

    /// Returns the name of a machine's node.
    pub async fn node_of(&self, droplet: u64) -> Option<String> {
        self.state.lock().await.record.node_of(droplet).map(ToOwned::to_owned)
    }

    /// Lists the machines of these nodes that run; of all nodes for `None`.
    pub async fn droplets(&self, nodes: Option<&[String]>) -> Vec<u64> {
        let state = self.state.lock().await;
        let rows = state.record.nodes.iter();
        rows.filter(|n| nodes.is_none_or(|names| names.contains(&n.node)))
            .map(|n| n.droplet)
            .filter(|d| self.is_up(*d))
            .collect()
    }

    /// Lists the machines that run, each with the name of its node.
    pub(super) async fn running_nodes(&self) -> Vec<(u64, String)> {
        let state = self.state.lock().await;
        let rows = state.record.nodes.iter().filter(|one| self.is_up(one.droplet));
        rows.map(|one| (one.droplet, one.node.clone())).collect()
    }

    /// Returns a copy of what is kept of it.
    pub async fn record(&self) -> ClusterRecord {
        self.state.lock().await.record.clone()
    }

    /// Returns the state of a machine's etcd member.
    pub async fn member(&self, droplet: u64) -> Option<MemberState> {
        let state = self.state.lock().await;
        let member = state.record.members.iter().find(|m| m.droplet == droplet)?;
        Some(MemberState {
            state: if member.learner { "learner" } else { "voter" }.to_owned(),
            voters: state.record.members.iter().filter(|m| !m.learner).count(),
            quorum: has_quorum(&state.record.members, |d| self.etcd_answers(d)),
        })
    }

    /// Ends it for good and removes what is kept of it.
    pub async fn remove(&self) {
        let mut state = self.state.lock().await;
        let members: Vec<u64> = state.record.members.iter().map(|m| m.droplet).collect();
        for droplet in members {
            self.deafen(&mut state, droplet);
        }
        self.stop.cancel();
        match std::fs::remove_dir_all(&self.folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!("{}: {e}", self.folder.display());
            }
            _ => {}
        }
    }
}
