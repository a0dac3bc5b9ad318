//! Members of etcd and their API servers: they come, vote, go down and leave.

use std::sync::Arc;
use std::time::Duration;

use super::quorum::has_quorum;
use super::record::Member;
use super::running::{Running, State};
use super::{kube, listener};
use crate::world::mix;

impl Running {
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

    pub(super) fn deafen(&self, state: &mut State, droplet: u64) {
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
}
