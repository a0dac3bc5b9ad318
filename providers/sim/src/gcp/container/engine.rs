//! How operations run: what each does, and how it ends.
//!
//! Each step may be done twice: an operation that was cut off by the end of the embedded cloud begins
//! again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::cluster_work;
use super::gke::Gke;
use crate::world::{GkeCluster, GkeOperationStatus, GkePool, GkeWork};

/// How long an operation waits for its turn, in Google's time.
const PENDING: Duration = Duration::from_secs(5);

/// Why an operation failed, as a `google.rpc.Status`.
pub struct Failed(pub Value);

impl Failed {
    /// Makes a failure with the number of a status and a sentence.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self(json!({"code": code, "message": message.into()}))
    }
}

impl Gke {
    /// Runs an operation to its end.
    pub(super) async fn drive(self: &Arc<Self>, seq: u64) {
        let Some(operation) = self.sim.world.read(|w| w.gke_operations.get(seq).cloned()) else {
            return;
        };
        if operation.status == GkeOperationStatus::Pending {
            self.pass(PENDING).await;
            self.sim.world.write(|w| {
                w.gke_operations.modify(seq, |o| o.status = GkeOperationStatus::Running)
            });
        }
        let (id, work) = (operation.cluster, &operation.work);
        let result = match work {
            GkeWork::CreateCluster => self.create_cluster(seq, id).await,
            GkeWork::DeleteCluster => self.delete_cluster(seq, id).await,
            GkeWork::UpdateCluster(change) => self.update_cluster(seq, id, change).await,
            GkeWork::UpgradeMaster(version) => self.upgrade_master(seq, id, version).await,
            GkeWork::SetLabels(labels) => self.set_labels(seq, id, labels).await,
            GkeWork::CreatePool(pool) => self.create_pool(seq, id, pool).await,
            GkeWork::DeletePool(pool) => self.delete_pool(seq, id, pool).await,
            GkeWork::UpdatePool(pool, change) => self.update_pool(seq, id, pool, change).await,
            GkeWork::RecreatePool(pool, change) => self.recreate_pool(seq, id, pool, change).await,
            GkeWork::UpgradePool(pool, version) => self.upgrade_pool(seq, id, pool, version).await,
            GkeWork::ResizePool(pool, count) => self.resize_pool(seq, id, pool, *count).await,
            GkeWork::RepairPool(pool, node) => self.repair_pool(seq, id, pool, node).await,
        };
        let ends = matches!(work, GkeWork::DeleteCluster);
        self.sim.world.write(|w| {
            if result.is_ok() && ends {
                cluster_work::forget_cluster(w, id);
            }
            w.gke_operations.modify(seq, |o| {
                o.status = GkeOperationStatus::Done;
                o.percent = 100;
                o.ended_at = Some(jiff::Timestamp::now());
                o.error = result.err().map(|failed| failed.0);
            })
        });
    }

    /// Tells how far an operation is.
    pub(super) fn tell(&self, seq: u64, percent: u8, detail: &str) {
        self.sim.world.write(|w| {
            w.gke_operations.modify(seq, |o| {
                o.percent = percent;
                detail.clone_into(&mut o.detail);
            })
        });
    }

    pub(super) fn cluster(&self, id: u64) -> Option<Arc<GkeCluster>> {
        self.sim.world.read(|w| w.gke_clusters.get(id).cloned())
    }

    pub(super) fn pool(&self, cluster: u64, name: &str) -> Option<Arc<GkePool>> {
        self.sim.world.read(|w| w.gke_pools.by_id(&format!("{cluster}/{name}")).cloned())
    }

    /// Changes a cluster's row.
    pub(super) fn change(&self, id: u64, f: impl FnOnce(&mut GkeCluster)) {
        self.sim.world.write(|w| {
            w.gke_clusters.modify(id, |row| {
                row.revision += 1;
                f(row);
            })
        });
    }

    /// Changes a pool's row.
    pub(super) fn change_pool(&self, cluster: u64, name: &str, f: impl FnOnce(&mut GkePool)) {
        self.sim.world.write(|w| {
            if let Some(pool) = w.gke_pools.by_id(&format!("{cluster}/{name}")).map(|p| p.seq) {
                w.gke_pools.modify(pool, |row| {
                    row.revision += 1;
                    f(row);
                });
            }
        });
    }
}
