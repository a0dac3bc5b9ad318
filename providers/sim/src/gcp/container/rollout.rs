//! Replacing nodes: by a new template, by a new version, or because one is broken.

use std::sync::Arc;
use std::time::Duration;

use infra_sim_kube::controllers;
use serde_json::Value;

use super::defaults;
use super::engine::Failed;
use super::gke::Gke;
use crate::gcp::groups;
use crate::gcp::kubernetes::nodes;
use crate::world::{GkeCluster, GkePool, Instance};

/// How long a node's pods may take to go until they are forced, in Google's time.
const DRAIN_MAX: Duration = Duration::from_secs(3600);
/// How long a new node may take.
const NODE_MAX: Duration = Duration::from_secs(1800);

impl Gke {
    /// Changes a pool's template and replaces all its nodes.
    pub(super) async fn recreate_pool(
        self: &Arc<Self>,
        seq: u64,
        id: u64,
        name: &str,
        change: &Value,
    ) -> Result<(), Failed> {
        self.change_pool(id, name, |pool| {
            let mut next = pool.config.clone();
            defaults::lay(&mut next, change);
            // An operation that is run again finds it done.
            if next != pool.config {
                pool.config = next;
                pool.template += 1;
            }
        });
        self.roll(seq, id, name).await
    }

    /// Moves a pool to a version and replaces all its nodes.
    pub(super) async fn upgrade_pool(
        self: &Arc<Self>,
        seq: u64,
        id: u64,
        name: &str,
        version: &str,
    ) -> Result<(), Failed> {
        self.change_pool(id, name, |pool| {
            if pool.version != version {
                version.clone_into(&mut pool.version);
                pool.template += 1;
            }
        });
        self.roll(seq, id, name).await
    }

    /// Replaces the nodes that are not of the pool's template, one after the other: a new one first.
    async fn roll(self: &Arc<Self>, seq: u64, id: u64, name: &str) -> Result<(), Failed> {
        self.change_pool(id, name, |pool| "RECONCILING".clone_into(&mut pool.status));
        let old = |gke: &Self| -> Vec<Instance> {
            let Some(pool) = gke.pool(id, name) else { return Vec::new() };
            gke.sim.world.read(|w| {
                groups::of_pool(w, &pool)
                    .filter(|one| one.template < pool.template)
                    .cloned()
                    .collect()
            })
        };
        let all = old(self).len().max(1);
        loop {
            let left = old(self);
            let Some(next) = left.first() else { break };
            let percent = u8::try_from((all - left.len().min(all)) * 100 / all).unwrap_or(99);
            self.tell(seq, percent.min(99), &format!("Replacing the node {}.", next.name));
            self.replace(id, name, next).await?;
        }
        self.end_pool(id, name).await
    }

    async fn replace(self: &Arc<Self>, id: u64, name: &str, old: &Instance) -> Result<(), Failed> {
        let (Some(cluster), Some(pool)) = (self.cluster(id), self.pool(id, name)) else {
            return Ok(());
        };
        let surge = pool.config["upgradeSettings"]["maxSurge"].as_u64().unwrap_or(0) > 0;
        if surge {
            let new = self.surge(&cluster, &pool, &old.zone);
            let is_up = || {
                let row = self.sim.world.read(|w| w.instances.get(new).cloned());
                row.is_some_and(|row| self.serves(&row))
            };
            if !self.until(NODE_MAX, is_up).await {
                return Err(Failed::new(
                    2,
                    format!("A new node of node pool {name} did not become healthy."),
                ));
            }
        }
        self.drain(id, &old.name).await;
        self.sim.world.write(|w| groups::remove(w, old.seq, surge));
        self.until(NODE_MAX, || self.sim.world.read(|w| w.instances.get(old.seq).is_none())).await;
        if !surge {
            let is_full = || self.pool(id, name).is_none_or(|pool| self.is_complete(&pool));
            self.until(NODE_MAX, is_full).await;
        }
        Ok(())
    }

    /// Makes one instance more in a zone.
    fn surge(&self, cluster: &GkeCluster, pool: &GkePool, zone: &str) -> u64 {
        self.sim.world.write(|w| {
            w.gke_pools.modify(pool.seq, |pool| {
                *pool.targets.entry(zone.to_owned()).or_default() += 1;
            });
            let account = &self.sim.gcp;
            groups::create(w, account, cluster, pool, zone, None).seq
        })
    }

    /// Empties a node, within the disruption budgets for as long as that may take.
    pub(super) async fn drain(&self, id: u64, node: &str) {
        let Some(running) = self.running(id) else { return };
        nodes::cordon(&running.cluster, node);
        let store = running.cluster.store().clone();
        let is_empty = |force| controllers::drain(&store, node, force).is_ok_and(|left| left == 0);
        if !self.until(DRAIN_MAX, || is_empty(false)).await {
            self.until(DRAIN_MAX, || is_empty(true)).await;
        }
    }

    /// Empties the nodes of a pool that goes. Budgets count only if the pool says so.
    pub(super) async fn drain_all(&self, id: u64, pool: &GkePool) {
        let respects = pool.config["nodeDrainConfig"]["respectPdbDuringNodePoolDeletion"] == true;
        let rows: Vec<Instance> =
            self.sim.world.read(|w| groups::of_pool(w, pool).cloned().collect());
        let Some(running) = self.running(id) else { return };
        for one in &rows {
            nodes::cordon(&running.cluster, &one.name);
        }
        let store = running.cluster.store().clone();
        for one in &rows {
            if respects {
                self.drain(id, &one.name).await;
            } else {
                let is_empty =
                    || controllers::drain(&store, &one.name, true).is_ok_and(|left| left == 0);
                self.until(DRAIN_MAX, is_empty).await;
            }
        }
    }

    /// Replaces a node that does not work; what comes has its name.
    pub(super) async fn repair_pool(
        self: &Arc<Self>,
        seq: u64,
        id: u64,
        name: &str,
        node: &str,
    ) -> Result<(), Failed> {
        self.tell(seq, 20, &format!("Repairing the node {node}."));
        let find = || {
            self.sim.world.read(|w| {
                w.instances.by_name(node).find(|one| one.cluster == id && one.pool == name).cloned()
            })
        };
        if let Some(old) = find().filter(|old| !self.serves(old)) {
            self.sim.world.write(|w| groups::remove(w, old.seq, true));
            self.until(NODE_MAX, || find().is_none()).await;
            let (Some(cluster), Some(pool)) = (self.cluster(id), self.pool(id, name)) else {
                return Ok(());
            };
            self.sim.world.write(|w| {
                w.gke_pools.modify(pool.seq, |pool| {
                    *pool.targets.entry(old.zone.clone()).or_default() += 1;
                });
                groups::create(w, &self.sim.gcp, &cluster, &pool, &old.zone, Some(node)).seq
            });
        }
        self.end_pool(id, name).await
    }
}
