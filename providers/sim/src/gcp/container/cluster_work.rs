//! What operations on a whole cluster do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::engine::Failed;
use super::gke::Gke;
use super::pool_work::NODES_MAX;
use super::{create, defaults};
use crate::gcp::balancing;
use crate::gcp::kubernetes::{self, pki};
use crate::world::State;

/// Google's times: a new cluster takes three parts.
const CREATE_PART: Duration = Duration::from_secs(50);
const DELETE: Duration = Duration::from_secs(90);
const UPDATE: Duration = Duration::from_secs(30);
const UPGRADE_MASTER: Duration = Duration::from_secs(180);

impl Gke {
    pub(super) async fn create_cluster(self: &Arc<Self>, seq: u64, id: u64) -> Result<(), Failed> {
        self.tell(seq, 10, "Deploying the control plane.");
        self.pass(CREATE_PART).await;
        let internal = |reason: String| Failed::new(13, format!("Internal error: {reason}"));
        let Some(row) = self.cluster(id) else { return Ok(()) };
        if row.endpoint.is_none() {
            let (cert, key) = pki::authority(&row.uid).map_err(internal)?;
            let endpoint = kubernetes::new_endpoint(&self.sim).map_err(internal)?;
            self.change(id, |row| {
                (row.ca_cert_pem, row.ca_key_pem, row.endpoint) = (cert, key, Some(endpoint));
            });
        }
        self.tell(seq, 45, "Waiting for the control plane to be healthy.");
        if !self.until(NODES_MAX, || self.running(id).is_some()).await {
            self.change(id, |row| "ERROR".clone_into(&mut row.status));
            return Err(internal("the control plane did not become healthy".to_owned()));
        }
        self.firewalls(id);
        self.pass(CREATE_PART).await;
        self.tell(seq, 60, "Creating the node pools.");
        let pools: Vec<String> = self
            .sim
            .world
            .read(|w| w.gke_pools.by_group(id).map(|pool| pool.name.clone()).collect());
        for pool in &pools {
            self.begin_pool(id, pool);
        }
        self.pass(CREATE_PART).await;
        let mut failed = None;
        for pool in &pools {
            failed = self.end_pool(id, pool).await.err().or(failed);
        }
        self.tell(seq, 95, "Running health checks.");
        self.change(id, |row| "RUNNING".clone_into(&mut row.status));
        failed.map_or(Ok(()), Err)
    }

    pub(super) async fn delete_cluster(self: &Arc<Self>, seq: u64, id: u64) -> Result<(), Failed> {
        let Some(row) = self.cluster(id) else { return Ok(()) };
        self.change(id, |row| "STOPPING".clone_into(&mut row.status));
        self.tell(seq, 10, "Deleting the node pools.");
        let pools: Vec<String> = self
            .sim
            .world
            .read(|w| w.gke_pools.by_group(id).map(|pool| pool.name.clone()).collect());
        for pool in &pools {
            self.empty(id, pool);
        }
        self.pass(DELETE).await;
        let is_empty = || self.sim.world.read(|w| w.instances.by_group(id).next().is_none());
        self.until(NODES_MAX, is_empty).await;
        self.tell(seq, 80, "Deleting the control plane.");
        self.leave(&row);
        let folder = kubernetes::folder(&self.sim, &row);
        if let Some(running) = self.running(id) {
            running.stop();
        }
        if let Err(e) = std::fs::remove_dir_all(&folder)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!("{}: {e}", folder.display());
        }
        Ok(())
    }

    pub(super) fn firewalls(&self, id: u64) {
        let Some(row) = self.cluster(id) else { return };
        let project = &self.sim.gcp.project;
        if let Err(e) = self.sim.world.write(|w| balancing::put_firewalls(w, project, &row)) {
            tracing::warn!("the firewalls of {}: {e}", row.name);
        }
    }

    pub(super) async fn update_cluster(
        self: &Arc<Self>,
        seq: u64,
        id: u64,
        change: &Value,
    ) -> Result<(), Failed> {
        self.tell(seq, 20, "Updating the cluster.");
        self.change(id, |row| "RECONCILING".clone_into(&mut row.status));
        self.pass(UPDATE).await;
        self.change(id, |row| {
            defaults::lay(&mut row.config, change);
            "RUNNING".clone_into(&mut row.status);
        });
        if change["locations"].is_array() {
            let zones = create::texts(&change["locations"]);
            let pools: Vec<String> = self
                .sim
                .world
                .read(|w| w.gke_pools.by_group(id).map(|pool| pool.name.clone()).collect());
            for pool in &pools {
                self.relocate(id, pool, &zones);
            }
            for pool in &pools {
                self.end_pool(id, pool).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn set_labels(
        self: &Arc<Self>,
        seq: u64,
        id: u64,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Failed> {
        self.tell(seq, 50, "Setting the labels.");
        self.pass(UPDATE / 4).await;
        self.change(id, |row| {
            row.labels_revision += 1;
            row.config["resourceLabels"] = json!(labels);
        });
        Ok(())
    }

    pub(super) async fn upgrade_master(
        self: &Arc<Self>,
        seq: u64,
        id: u64,
        version: &str,
    ) -> Result<(), Failed> {
        self.tell(seq, 10, "Upgrading the control plane.");
        self.change(id, |row| "RECONCILING".clone_into(&mut row.status));
        self.pass(UPGRADE_MASTER).await;
        self.change(id, |row| version.clone_into(&mut row.version));
        // A control plane of one machine does not answer meanwhile.
        self.reopen(id).await;
        self.change(id, |row| "RUNNING".clone_into(&mut row.status));
        Ok(())
    }
}

/// Removes the rows of a cluster and of what is in it.
pub(super) fn forget_cluster(w: &mut State, id: u64) {
    let pools: Vec<u64> = w.gke_pools.by_group(id).map(|pool| pool.seq).collect();
    for pool in pools {
        w.gke_pools.remove(pool);
    }
    let instances: Vec<u64> = w.instances.by_group(id).map(|one| one.seq).collect();
    for instance in instances {
        w.instances.remove(instance);
    }
    w.gke_clusters.remove(id);
}
