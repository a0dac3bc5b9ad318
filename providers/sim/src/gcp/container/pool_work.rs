//! What operations on a node pool do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::engine::Failed;
use super::gke::Gke;
use super::{create, defaults};
use crate::gcp::groups;
use crate::gcp::kubernetes::nodes;
use crate::world::GkePool;

/// Google's times.
const CREATE: Duration = Duration::from_secs(40);
const DELETE: Duration = Duration::from_secs(40);
const RESIZE: Duration = Duration::from_secs(10);
const UPDATE: Duration = Duration::from_secs(30);
/// How long nodes may take until an operation gives up on them.
pub(super) const NODES_MAX: Duration = Duration::from_secs(1800);
/// How long a group may lack machines until an operation gives up on them.
const STOCKOUT_MAX: Duration = Duration::from_secs(120);

impl Gke {
    /// Gives a pool's groups their first instances.
    pub(super) fn begin_pool(&self, id: u64, pool: &str) {
        self.change_pool(id, pool, |pool| {
            let count = pool.config["initialNodeCount"].as_u64().unwrap_or(0);
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            for target in pool.targets.values_mut() {
                *target = count;
            }
        });
    }

    /// Waits for all nodes of a pool, and says how that went.
    pub(super) async fn end_pool(self: &Arc<Self>, id: u64, name: &str) -> Result<(), Failed> {
        let is_ready = || {
            let Some(pool) = self.pool(id, name) else { return true };
            self.is_complete(&pool)
        };
        let lacks = || self.pool(id, name).is_some_and(|pool| !pool.stockouts.is_empty());
        let waited = tokio::select! {
            is_ready = self.until(NODES_MAX, is_ready) => is_ready,
            () = async {
                self.until(NODES_MAX * 10, lacks).await;
                self.pass(STOCKOUT_MAX).await;
            } => false,
        };
        if waited || is_ready() {
            self.change_pool(id, name, |pool| {
                "RUNNING".clone_into(&mut pool.status);
                pool.conditions.clear();
            });
            return Ok(());
        }
        let stockouts = self.pool(id, name).map(|pool| pool.stockouts.clone()).unwrap_or_default();
        let message = why(name, &stockouts);
        let code = if stockouts.is_empty() { "UNKNOWN" } else { "GCE_STOCKOUT" };
        let canonical = if stockouts.is_empty() { "UNKNOWN" } else { "RESOURCE_EXHAUSTED" };
        self.change_pool(id, name, |pool| {
            "RUNNING_WITH_ERROR".clone_into(&mut pool.status);
            pool.conditions =
                vec![json!({"code": code, "canonicalCode": canonical, "message": message})];
        });
        Err(Failed::new(if stockouts.is_empty() { 2 } else { 8 }, message))
    }

    /// Returns true if each group of a pool has as many nodes as it should, all of them Ready.
    pub(super) fn is_complete(&self, pool: &GkePool) -> bool {
        let rows: Vec<_> = self.sim.world.read(|w| groups::of_pool(w, pool).cloned().collect());
        pool.targets.iter().all(|(zone, target)| {
            let here = rows.iter().filter(|one| one.zone == *zone);
            let ready = here.clone().filter(|one| self.serves(one)).count();
            here.count() == *target as usize && ready == *target as usize
        }) && rows.iter().all(|one| pool.targets.contains_key(&one.zone))
    }

    /// Takes all instances of a pool away.
    pub(super) fn empty(&self, id: u64, pool: &str) {
        self.change_pool(id, pool, |pool| {
            "STOPPING".clone_into(&mut pool.status);
            for target in pool.targets.values_mut() {
                *target = 0;
            }
        });
    }

    pub(super) async fn create_pool(
        self: &Arc<Self>,
        seq: u64,
        id: u64,
        pool: &str,
    ) -> Result<(), Failed> {
        self.tell(seq, 20, "Creating the instance groups.");
        self.begin_pool(id, pool);
        self.pass(CREATE).await;
        self.end_pool(id, pool).await
    }

    pub(super) async fn delete_pool(
        self: &Arc<Self>,
        seq: u64,
        id: u64,
        name: &str,
    ) -> Result<(), Failed> {
        self.tell(seq, 10, "Draining the nodes.");
        let Some(pool) = self.pool(id, name) else { return Ok(()) };
        self.change_pool(id, name, |pool| "STOPPING".clone_into(&mut pool.status));
        self.drain_all(id, &pool).await;
        self.tell(seq, 60, "Deleting the instance groups.");
        self.empty(id, name);
        self.pass(DELETE).await;
        let is_empty =
            || self.sim.world.read(|w| w.instances.by_group(id).all(|one| one.pool != name));
        self.until(NODES_MAX, is_empty).await;
        self.sim.world.write(|w| w.gke_pools.remove(pool.seq));
        self.change(id, |_| {});
        Ok(())
    }

    pub(super) async fn update_pool(
        self: &Arc<Self>,
        seq: u64,
        id: u64,
        name: &str,
        change: &Value,
    ) -> Result<(), Failed> {
        self.tell(seq, 30, "Updating the node pool.");
        let Some(before) = self.pool(id, name) else { return Ok(()) };
        self.change_pool(id, name, |pool| "RECONCILING".clone_into(&mut pool.status));
        self.pass(UPDATE).await;
        self.change_pool(id, name, |pool| defaults::lay(&mut pool.config, change));
        if change["locations"].is_array() {
            self.relocate(id, name, &create::texts(&change["locations"]));
        }
        if let (Some(running), Some(pool)) = (self.running(id), self.pool(id, name))
            && let Err(e) = nodes::relabel(&running.cluster, &before.config, &pool)
        {
            return Err(Failed::new(13, e));
        }
        self.end_pool(id, name).await
    }

    /// Moves a pool to other zones; each has as many nodes as each had before.
    pub(super) fn relocate(&self, id: u64, name: &str, zones: &[String]) {
        self.change_pool(id, name, |pool| {
            let count = pool.targets.values().copied().max().unwrap_or(0);
            let old = pool.targets.clone();
            pool.targets = zones
                .iter()
                .map(|zone| (zone.clone(), old.get(zone).copied().unwrap_or(count)))
                .collect();
            pool.config["locations"] = json!(zones);
        });
    }

    pub(super) async fn resize_pool(
        self: &Arc<Self>,
        seq: u64,
        id: u64,
        name: &str,
        count: u32,
    ) -> Result<(), Failed> {
        self.tell(seq, 30, "Resizing the instance groups.");
        self.change_pool(id, name, |pool| {
            "RECONCILING".clone_into(&mut pool.status);
            pool.config["initialNodeCount"] = json!(count);
            for target in pool.targets.values_mut() {
                *target = count;
            }
        });
        self.pass(RESIZE).await;
        self.end_pool(id, name).await
    }
}

fn why(pool: &str, stockouts: &BTreeMap<String, String>) -> String {
    match stockouts.iter().next() {
        Some((zone, reason)) => format!(
            "Not all instances running in IGM of node pool {pool} in zone {zone} after 2m0s. Expected more. Current errors: [GCE_STOCKOUT]: {reason}"
        ),
        None => format!(
            "All cluster resources were brought up, but: the nodes of node pool {pool} did not become healthy in time."
        ),
    }
}
