//! All clusters, by the authority that makes them what they are.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;

use super::kube;
use super::record::ClusterRecord;
use super::running::Running;
use crate::machines::{Disk, unit_is_active};
use crate::sim::Sim;
use crate::stand_in::MemberState;

/// Why a cluster refuses a machine.
#[derive(Debug, thiserror::Error)]
pub enum ClusterRefusal {
    /// Trying again may help.
    #[error("{0}")]
    NotNow(String),
    /// It won't.
    #[error("{0}")]
    Refused(String),
}

/// The clusters of an embedded cloud.
pub struct Clusters {
    pub(super) sim: Arc<Sim>,
    pub(super) folder: PathBuf,
    pub(super) running: Mutex<HashMap<String, Arc<Running>>>,
    /// What was recorded runs again: only then may anything new begin.
    restored: AtomicBool,
}

impl Clusters {
    /// Makes a table without clusters; see [`Clusters::restore`].
    pub fn new(sim: Arc<Sim>) -> Arc<Self> {
        let folder = sim.data.join("clusters");
        Arc::new(Self { sim, folder, running: Mutex::default(), restored: AtomicBool::new(false) })
    }

    /// Starts the clusters of the data folder again.
    pub async fn restore(&self) {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten();
        for entry in entries.flatten() {
            let folder = entry.path();
            match ClusterRecord::load(&folder) {
                Ok(record) => self.restore_one(folder, record).await,
                Err(e) => tracing::error!("a cluster stays away: {e}"),
            }
        }
        self.restored.store(true, Ordering::Release);
    }

    pub(super) fn need_restored(&self) -> Result<(), ClusterRefusal> {
        if self.restored.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(ClusterRefusal::NotNow("the embedded cloud is starting".to_owned()))
    }

    async fn restore_one(&self, folder: PathBuf, record: ClusterRecord) {
        let exists = |id: u64| self.sim.world.droplet(id);
        if record.members.iter().all(|m| exists(m.droplet).is_none()) {
            if let Err(e) = std::fs::remove_dir_all(&folder) {
                tracing::warn!("{}: {e}", folder.display());
            }
            return;
        }
        let nodes: Vec<u64> = record.nodes.iter().map(|n| n.droplet).collect();
        let key = record.ca_sha256.clone();
        match Running::open(self.sim.clone(), folder, record).await {
            Err(e) => tracing::error!("a cluster stays away: {e}"),
            Ok(running) => {
                for droplet in nodes {
                    match exists(droplet) {
                        None => {
                            running.machine_gone(droplet).await;
                        }
                        Some(d) if d.status == crate::world::DropletStatus::Active => {
                            running.machine_up(droplet, self.kubelet_runs(droplet)).await;
                        }
                        Some(_) => running.machine_down(droplet).await,
                    }
                }
                self.running.lock().await.insert(key, running);
            }
        }
    }

    fn disk(&self, droplet: u64) -> Disk {
        Disk::new(&self.sim.data.join("machines"), droplet)
    }

    pub(super) fn kubelet_runs(&self, droplet: u64) -> bool {
        unit_is_active(&self.disk(droplet), "kubelet.service")
    }

    /// Finds the cluster that a machine is a node or a member of: there is one, in a sane world.
    async fn of(&self, droplet: u64) -> Option<Arc<Running>> {
        let all: Vec<Arc<Running>> = self.running.lock().await.values().cloned().collect();
        for running in all {
            let record = running.record().await;
            if record.node_of(droplet).is_some()
                || record.members.iter().any(|m| m.droplet == droplet)
            {
                return Some(running);
            }
        }
        None
    }

    /// Follows a `kubeadm reset` on a machine.
    pub async fn reset(&self, droplet: u64) {
        while let Some(running) = self.of(droplet).await {
            if running.reset(droplet).await {
                self.drop_cluster(&running).await;
            }
        }
    }

    async fn drop_cluster(&self, running: &Running) {
        let id = running.record().await.ca_sha256;
        self.running.lock().await.remove(&id);
        running.remove().await;
    }

    /// Follows a machine's kubelet that was started or stopped.
    pub async fn set_kubelet(&self, droplet: u64, runs: bool) {
        if let Some(running) = self.of(droplet).await
            && let Some(node) = running.node_of(droplet).await
        {
            kube::set_kubelet(&running.cluster, &node, runs);
        }
    }

    /// Returns the state of a machine's etcd member.
    pub async fn member(&self, droplet: u64) -> MemberState {
        let running = self.of(droplet).await;
        let member = match &running {
            Some(running) => running.member(droplet).await,
            None => None,
        };
        member.unwrap_or(MemberState { state: "none".to_owned(), voters: 0, quorum: false })
    }

    /// Follows a machine that was switched on.
    pub async fn machine_up(&self, droplet: u64) {
        if let Some(running) = self.of(droplet).await {
            running.machine_up(droplet, self.kubelet_runs(droplet)).await;
        }
    }

    /// Follows a machine that was switched off.
    pub async fn machine_down(&self, droplet: u64) {
        if let Some(running) = self.of(droplet).await {
            running.machine_down(droplet).await;
        }
    }

    /// Follows a machine that was deleted; a cluster whose control planes are all gone goes with
    /// the last.
    pub async fn machine_gone(&self, droplet: u64) {
        if let Some(running) = self.of(droplet).await
            && running.machine_gone(droplet).await
        {
            self.drop_cluster(&running).await;
        }
    }
}
