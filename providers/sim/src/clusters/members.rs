//! Members of etcd and their API servers: they come, vote, go down and leave.

use std::sync::Arc;
use std::time::Duration;

use infra_sim_kube::SecretKeys;

use super::member_rules::{self, MemberRefusal};
use super::record::Member;
use super::running::{Running, State};
use super::{etcd, kube, listener};
use crate::machines::Disk;
use crate::stand_in;
use crate::world::mix;

impl Running {
    /// Adds a machine as a member of etcd, with its API server; the first one votes at once.
    ///
    /// # Errors
    /// Returns a sentence, in etcd's words if etcd refuses.
    pub async fn add_member(self: &Arc<Self>, member: Member) -> Result<(), String> {
        let mut state = self.state.lock().await;
        let learner = member.learner;
        if learner {
            // A machine that asks again, after its answer was lost, finds itself in the list.
            let mut others = state.record.members.clone();
            others.retain(|m| m.droplet != member.droplet);
            member_rules::may_add(&others, &member.address, true, |d| self.etcd_answers(d))
                .map_err(|refusal| refusal.to_string())?;
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

    /// Returns a number for a member that a machine becomes; it is never the same for two machines.
    pub(super) fn new_member_id(&self, droplet: u64) -> u64 {
        mix(self.sim.seed, "etcd member", droplet).max(1)
    }

    /// Checks that every member answers, as `kubeadm join` does before it adds one.
    ///
    /// # Errors
    /// Returns kubeadm's sentence about the first that does not.
    pub async fn check_etcd(&self) -> Result<(), String> {
        let state = self.state.lock().await;
        match state.record.members.iter().find(|m| !self.etcd_answers(m.droplet)) {
            None => Ok(()),
            Some(down) => Err(format!(
                "etcd cluster is not healthy: failed to dial endpoint https://{}:2379 with maintenance client: context deadline exceeded",
                down.address
            )),
        }
    }

    /// Takes a member out of etcd's list; its API server ends, for it has no etcd any more.
    ///
    /// # Errors
    /// Returns an error if etcd refuses.
    pub async fn remove_member(&self, id: u64) -> Result<Vec<Member>, MemberRefusal> {
        let mut state = self.state.lock().await;
        member_rules::may_remove(&state.record.members, id, |d| self.etcd_answers(d))?;
        let droplet = state.record.members.iter().find(|m| m.id == id).map(|m| m.droplet);
        if let Some(droplet) = droplet {
            self.deafen(&mut state, droplet);
        }
        state.record.members.retain(|m| m.id != id);
        self.save(&state);
        Ok(state.record.members.clone())
    }

    /// Lists etcd's members, dead ones too.
    ///
    /// # Errors
    /// Returns an error if there is no leader who could tell.
    pub async fn members(&self) -> Result<Vec<Member>, MemberRefusal> {
        let state = self.state.lock().await;
        member_rules::may_list(&state.record.members, |d| self.etcd_answers(d))?;
        Ok(state.record.members.clone())
    }

    /// Gives leadership from the member on a machine to the member `target`.
    ///
    /// # Errors
    /// Returns an error if etcd refuses.
    pub async fn transfer(&self, droplet: u64, target: u64) -> Result<(), MemberRefusal> {
        let state = self.state.lock().await;
        let members = &state.record.members;
        let own = members.iter().find(|member| member.droplet == droplet).map(|own| own.id);
        let leads = own.is_some() && own == self.leader();
        member_rules::may_transfer(members, leads, target)?;
        self.hand_over(target);
        Ok(())
    }

    /// Returns true if the etcd of that machine has no vote yet.
    pub async fn is_learner(&self, droplet: u64) -> bool {
        let state = self.state.lock().await;
        let own = state.record.members.iter().find(|member| member.droplet == droplet);
        own.is_some_and(|member| member.learner)
    }

    /// Promotes a learner once it has caught up, which takes it a moment; while etcd refuses that,
    /// it is tried again.
    fn promote_later(self: &Arc<Self>, droplet: u64) {
        let this = self.clone();
        tokio::spawn(async move {
            let millis = 500 + mix(this.sim.seed, "learner", droplet) % 500;
            loop {
                let pause = this.sim.clock.sleep(Duration::from_millis(millis));
                if this.stop.run_until_cancelled(pause).await.is_none() || !this.is_up(droplet) {
                    return;
                }
                let mut state = this.state.lock().await;
                let members = &state.record.members;
                let Some(id) = members.iter().find(|m| m.droplet == droplet).map(|m| m.id) else {
                    return;
                };
                let promoted = member_rules::may_promote(members, id, |d| this.etcd_answers(d));
                let learner = state.record.members.iter_mut().find(|m| m.droplet == droplet);
                let Some(learner) = learner else { return };
                if promoted.is_ok() {
                    learner.learner = false;
                    this.save(&state);
                    return;
                }
            }
        });
    }

    /// Reads the keys that a machine's API server keeps Secrets with, as its manifest names them.
    ///
    /// # Errors
    /// Returns an error if their file cannot be read.
    pub(super) fn secret_keys(&self, droplet: u64) -> Result<SecretKeys, String> {
        let disk = Disk::new(&self.sim.data.join("machines"), droplet);
        stand_in::secret_keys(&disk.root)
    }

    /// Starts the API server and the etcd of a member.
    async fn listen(self: &Arc<Self>, state: &mut State, droplet: u64) -> Result<(), String> {
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
        let keys = self.secret_keys(droplet)?;
        let stop = self.stop.child_token();
        state.listeners.insert(droplet, stop.clone());
        // One of another version may run beside it.
        let cluster = match member.version.as_str() {
            "" => self.cluster.clone(),
            version => self.cluster.with_version(version),
        };
        let until = stop.clone();
        tokio::spawn(async move {
            if let Err(e) = cluster.serve(listener, &cert, &key, &keys, until).await {
                tracing::error!("an API server ended: {e}");
            }
        });
        self.sim.net.register(droplet, port, socket);
        etcd::listen(self, droplet, stop).await
    }

    pub(super) fn deafen(&self, state: &mut State, droplet: u64) {
        if let Some(stop) = state.listeners.remove(&droplet) {
            stop.cancel();
        }
        if let Some(member) = state.record.members.iter().find(|m| m.droplet == droplet) {
            self.sim.net.unregister(droplet, member.port);
            self.sim.net.unregister(droplet, etcd::PORT);
        }
    }

    /// Follows a machine that was switched on: its API server runs again, and its kubelet if it is
    /// enabled.
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

    /// Follows a machine that was switched off: its API server and its kubelet stop.
    pub async fn machine_down(&self, droplet: u64) {
        let mut state = self.state.lock().await;
        self.deafen(&mut state, droplet);
        self.save(&state);
        if let Some(node) = state.record.node_of(droplet) {
            kube::set_kubelet(&self.cluster, node, false);
        }
    }

    /// Follows a machine that is gone. The member stays in etcd's list until somebody removes it,
    /// and counts among the voters. This returns true if no control plane is left.
    pub async fn machine_gone(&self, droplet: u64) -> bool {
        self.machine_down(droplet).await;
        let mut state = self.state.lock().await;
        state.record.nodes.retain(|n| n.droplet != droplet);
        self.save(&state);
        let members = &state.record.members;
        members.iter().all(|m| m.droplet == droplet || self.sim.world.droplet(m.droplet).is_none())
    }

    /// Follows a `kubeadm reset`: the member leaves etcd in good order. It returns true if it was
    /// the last.
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
