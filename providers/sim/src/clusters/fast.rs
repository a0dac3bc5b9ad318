//! Workers that join without running `kubeadm`: see [`crate::machines`]' fast mode.

use infra_sim_kube::Resource;

use super::kube;
use super::running::Running;
use super::table::{ClusterRefusal, Clusters};
use super::tokens::StoredToken;
use crate::stand_in::kubeadm::Worker;
use crate::world::Droplet;

impl Clusters {
    /// Lets a worker join the cluster whose authority it pins, if its token is good.
    ///
    /// # Errors
    /// Returns `NotNow` while no such cluster runs, or none of its control planes.
    pub async fn join_worker(
        &self,
        droplet: &Droplet,
        worker: &Worker,
    ) -> Result<(), ClusterRefusal> {
        self.need_restored()?;
        let running = {
            let all = self.running.lock().await;
            let pinned = |one: &&std::sync::Arc<Running>| {
                worker.pins.iter().any(|pin| pin.eq_ignore_ascii_case(&one.pin))
            };
            all.values().find(pinned).cloned()
        };
        let Some(running) = running else {
            return Err(ClusterRefusal::NotNow(
                "no cluster with this certificate authority runs".to_owned(),
            ));
        };
        let version = {
            let state = running.state.lock().await;
            if !state.record.members.iter().any(|m| running.is_up(m.droplet)) {
                return Err(ClusterRefusal::NotNow("no API server of the cluster runs".to_owned()));
            }
            state.record.kubernetes_version.clone()
        };
        check_token(&running, &worker.token)?;
        let refused = |reason: String| ClusterRefusal::Refused(reason);
        let node = worker.node(&droplet.name, version).map_err(|e| refused(e.message))?;
        kube::free_name(&running.cluster, &node.name).map_err(refused)?;
        running.add_node(droplet.id, &node.name).await;
        kube::register_node(&running.cluster, &node, droplet).map_err(refused)?;
        kube::set_kubelet(&running.cluster, &node.name, true);
        Ok(())
    }
}

/// Checks that the token is in the cluster and has not expired. It may not be there yet.
fn check_token(running: &Running, token: &str) -> Result<(), ClusterRefusal> {
    let (id, secret) = token.split_once('.').unwrap_or((token, ""));
    let secrets = Resource::new("", "v1", "secrets");
    let name = format!("bootstrap-token-{id}");
    let stored = running.cluster.store().get(&secrets, Some("kube-system"), &name);
    let Some(stored) = stored.as_deref().and_then(StoredToken::read) else {
        return Err(ClusterRefusal::NotNow(format!(
            "could not find a JWS signature in the cluster-info ConfigMap for token ID {id:?}"
        )));
    };
    if stored.secret != secret || stored.is_expired(jiff::Timestamp::now()) {
        return Err(ClusterRefusal::Refused(format!(
            "the bootstrap token {id:?} is wrong or expired"
        )));
    }
    Ok(())
}
