//! One cluster that runs: its objects, its API servers, its members.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use infra_sim_kube::{Cluster, ClusterOptions};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::quorum::{QuorumFaults, has_quorum};
use super::record::{ClusterRecord, Member};
use super::{kube, listener, node_ports, signer};
use crate::cloud::CloudAccess;
use crate::error::SimError;
use crate::faults::KubeFaults;
use crate::sim::Sim;
use crate::stand_in::MemberState;
use crate::world::{DropletStatus, mix};

/// A cluster that runs.
pub struct Running {
    sim: Arc<Sim>,
    folder: PathBuf,
    /// The Kubernetes cluster itself.
    pub cluster: Cluster,
    state: Mutex<State>,
    quorum: Arc<AtomicBool>,
    /// Cancelled when the cluster goes away.
    stop: CancellationToken,
}

struct State {
    record: ClusterRecord,
    /// What stops the API server of a machine.
    listeners: HashMap<u64, CancellationToken>,
}

impl Running {
    /// Opens the cluster of a record and starts its controllers. API servers are started one by one.
    ///
    /// # Errors
    /// When its folder can't be read or written.
    pub async fn open(
        sim: Arc<Sim>,
        folder: PathBuf,
        record: ClusterRecord,
    ) -> Result<Arc<Self>, SimError> {
        let failed = |reason: String| SimError::Part { part: "Kubernetes", reason };
        std::fs::create_dir_all(&folder).map_err(|e| SimError::io("create", &folder, e))?;
        record.save(&folder)?;
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
            cluster,
            state: Mutex::new(State { record, listeners: HashMap::new() }),
            quorum,
            stop: stop.clone(),
        });
        tokio::spawn(node_ports::run(running.clone(), stop));
        Ok(running)
    }

    fn is_up(&self, droplet: u64) -> bool {
        self.sim.world.droplet(droplet).is_some_and(|d| d.status == DropletStatus::Active)
    }

    fn save(&self, state: &State) {
        if let Err(e) = state.record.save(&self.folder) {
            tracing::error!("a cluster is not recorded: {e}");
        }
        let quorum = has_quorum(&state.record.members, |d| self.is_up(d));
        if self.quorum.swap(quorum, Ordering::Relaxed) != quorum {
            tracing::info!(cluster = %state.record.name, quorum, "etcd's quorum changed");
        }
    }

    /// Adds a machine as a member of etcd, with its API server; the first one votes at once.
    ///
    /// # Errors
    /// A sentence, in etcd's words where it refuses.
    pub async fn add_member(self: &Arc<Self>, member: Member) -> Result<(), String> {
        let mut state = self.state.lock().await;
        let learner = member.learner;
        if learner {
            if state.record.members.iter().any(|m| m.learner) {
                return Err("etcdserver: too many learner members in cluster".to_owned());
            }
            if !has_quorum(&state.record.members, |d| self.is_up(d)) {
                return Err(
                    "etcdserver: re-configuration failed due to not enough started members"
                        .to_owned(),
                );
            }
        }
        let droplet = member.droplet;
        state.record.members.retain(|m| m.droplet != droplet);
        state.record.members.push(member);
        self.listen(&mut state, droplet).await?;
        self.save(&state);
        drop(state);
        if learner {
            self.promote_later(droplet);
        }
        Ok(())
    }

    /// Catching up takes a learner a moment, then it votes.
    fn promote_later(self: &Arc<Self>, droplet: u64) {
        let this = self.clone();
        tokio::spawn(async move {
            let millis = 500 + mix(this.sim.seed, "learner", droplet) % 500;
            let pause = this.sim.clock.sleep(Duration::from_millis(millis));
            if this.stop.run_until_cancelled(pause).await.is_none() || !this.is_up(droplet) {
                return;
            }
            let mut state = this.state.lock().await;
            if let Some(member) = state.record.members.iter_mut().find(|m| m.droplet == droplet) {
                member.learner = false;
                this.save(&state);
            }
        });
    }

    /// Starts the API server of a member.
    async fn listen(&self, state: &mut State, droplet: u64) -> Result<(), String> {
        if let Some(old) = state.listeners.remove(&droplet) {
            old.cancel();
        }
        let Some(member) = state.record.members.iter_mut().find(|m| m.droplet == droplet) else {
            return Ok(());
        };
        let own = self.sim.world.droplet(droplet).and_then(|d| d.public_ip);
        let listener = listener::bind(member.socket, own, member.port)
            .await
            .map_err(|e| format!("the API server can't listen: {e}"))?;
        let socket = listener.local_addr().map_err(|e| e.to_string())?;
        member.socket = Some(socket);
        let (cert, key, port) = (member.cert_pem.clone(), member.key_pem.clone(), member.port);
        let stop = self.stop.child_token();
        state.listeners.insert(droplet, stop.clone());
        let cluster = self.cluster.clone();
        tokio::spawn(async move {
            if let Err(e) = cluster.serve(listener, &cert, &key, stop).await {
                tracing::error!("an API server ended: {e}");
            }
        });
        self.sim.net.register(droplet, port, socket);
        Ok(())
    }

    fn deafen(&self, state: &mut State, droplet: u64) {
        if let Some(stop) = state.listeners.remove(&droplet) {
            stop.cancel();
        }
        if let Some(member) = state.record.members.iter().find(|m| m.droplet == droplet) {
            self.sim.net.unregister(droplet, member.port);
        }
    }

    /// A machine was switched on: its API server runs again, and its kubelet when it is enabled.
    pub async fn machine_up(self: &Arc<Self>, droplet: u64, kubelet: bool) {
        let mut state = self.state.lock().await;
        if let Err(reason) = self.listen(&mut state, droplet).await {
            tracing::error!("{reason}");
        }
        self.save(&state);
        let learner = state.record.members.iter().any(|m| m.droplet == droplet && m.learner);
        if let Some(node) = state.record.node_of(droplet) {
            kube::set_kubelet(&self.cluster, node, kubelet);
        }
        drop(state);
        if learner {
            self.promote_later(droplet);
        }
    }

    /// A machine was switched off.
    pub async fn machine_down(&self, droplet: u64) {
        let mut state = self.state.lock().await;
        self.deafen(&mut state, droplet);
        self.save(&state);
        if let Some(node) = state.record.node_of(droplet) {
            kube::set_kubelet(&self.cluster, node, false);
        }
    }

    /// A machine is gone. Its member stays in etcd's list until somebody removes it, and counts
    /// among the voters. Answers whether no control plane is left.
    pub async fn machine_gone(&self, droplet: u64) -> bool {
        self.machine_down(droplet).await;
        let mut state = self.state.lock().await;
        state.record.nodes.retain(|n| n.droplet != droplet);
        self.save(&state);
        let members = &state.record.members;
        members.iter().all(|m| m.droplet == droplet || self.sim.world.droplet(m.droplet).is_none())
    }

    /// `kubeadm reset`: the member leaves etcd in good order. Answers whether it was the last.
    pub async fn reset(&self, droplet: u64) -> bool {
        let mut state = self.state.lock().await;
        self.deafen(&mut state, droplet);
        state.record.members.retain(|m| m.droplet != droplet);
        if let Some(node) = state.record.node_of(droplet) {
            kube::set_kubelet(&self.cluster, node, false);
        }
        state.record.nodes.retain(|n| n.droplet != droplet);
        self.save(&state);
        state.record.members.is_empty()
    }

    /// Notes that a machine is a node.
    pub async fn add_node(&self, droplet: u64, node: &str) {
        let mut state = self.state.lock().await;
        state.record.nodes.retain(|n| n.droplet != droplet);
        state.record.nodes.push(super::record::NodeRow { droplet, node: node.to_owned() });
        self.save(&state);
    }

    /// The node's name of a machine.
    pub async fn node_of(&self, droplet: u64) -> Option<String> {
        self.state.lock().await.record.node_of(droplet).map(ToOwned::to_owned)
    }

    /// The machines of these nodes that run; of all nodes for `None`.
    pub async fn droplets(&self, nodes: Option<&[String]>) -> Vec<u64> {
        let state = self.state.lock().await;
        let rows = state.record.nodes.iter();
        rows.filter(|n| nodes.is_none_or(|names| names.contains(&n.node)))
            .map(|n| n.droplet)
            .filter(|d| self.is_up(*d))
            .collect()
    }

    /// The table of services on machines.
    pub fn net(&self) -> &crate::net::Net {
        &self.sim.net
    }

    /// What is kept of it.
    pub async fn record(&self) -> ClusterRecord {
        self.state.lock().await.record.clone()
    }

    /// The state of a machine's etcd member.
    pub async fn member(&self, droplet: u64) -> Option<MemberState> {
        let state = self.state.lock().await;
        let member = state.record.members.iter().find(|m| m.droplet == droplet)?;
        Some(MemberState {
            state: if member.learner { "learner" } else { "voter" }.to_owned(),
            voters: state.record.members.iter().filter(|m| !m.learner).count(),
            quorum: has_quorum(&state.record.members, |d| self.is_up(d)),
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
