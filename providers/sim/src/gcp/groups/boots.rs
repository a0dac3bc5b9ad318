//! How instances come up and become Nodes, and how they go.

use std::sync::Arc;
use std::time::Duration;

use crate::faults::Effect;
use crate::gcp::container::Gke;
use crate::gcp::kubernetes::nodes;
use crate::world::{GkePool, Instance, InstanceStatus, mix};

/// How long an instance takes until it is there, and until it is gone, in Google's time.
const STAGING: Duration = Duration::from_secs(8);
const SHUTDOWN: Duration = Duration::from_secs(20);
/// How long what must wait for a cluster waits before it looks again.
const AGAIN: Duration = Duration::from_millis(50);

impl Gke {
    fn instance(&self, seq: u64) -> Option<Arc<Instance>> {
        self.sim.world.read(|w| w.instances.get(seq).cloned())
    }

    /// Moves an instance on, unless it was told to stop meanwhile. Returns false if it was.
    fn advance(&self, seq: u64, status: InstanceStatus) -> bool {
        self.sim.world.write(|w| {
            let is_up =
                w.instances.get(seq).is_some_and(|one| one.status != InstanceStatus::Stopping);
            is_up && w.instances.modify(seq, |one| one.status = status)
        })
    }

    /// Takes an instance up, or down if that was asked for. Returns true once it has joined.
    pub async fn tend(self: &Arc<Self>, seq: u64) -> bool {
        loop {
            let Some(instance) = self.instance(seq) else { return false };
            match instance.status {
                InstanceStatus::Provisioning => {
                    self.pass(STAGING).await;
                    if self.sim.faults.lasts(&instance.name, Effect::NeverActive) {
                        tokio::time::sleep(AGAIN).await;
                        continue;
                    }
                    self.advance(seq, InstanceStatus::Staging);
                }
                InstanceStatus::Staging => {
                    let settings = self.sim.settings.get();
                    let millis =
                        settings.boot_ms.unwrap_or(300 + mix(self.sim.seed, "boot", seq) % 700);
                    self.sim.clock.sleep(Duration::from_millis(millis)).await;
                    let addresses: Vec<_> = instance.external_ip.into_iter().collect();
                    self.sim.net.add_droplet(instance.id, &addresses);
                    self.advance(seq, InstanceStatus::Running);
                }
                InstanceStatus::Running => {
                    if self.join(&instance) {
                        return true;
                    }
                    tokio::time::sleep(AGAIN).await;
                }
                InstanceStatus::Stopping => {
                    self.take_down(seq).await;
                    return false;
                }
                InstanceStatus::Terminated => return false,
            }
        }
    }

    /// Makes a Node of an instance that runs; false if that can't be now.
    fn join(&self, instance: &Instance) -> bool {
        let fails = [Effect::BootFails, Effect::NeverJoins];
        if fails.iter().any(|effect| self.sim.faults.lasts(&instance.name, *effect)) {
            return false;
        }
        let Some(running) = self.running(instance.cluster) else { return false };
        let Some(pool) = self.pool_of(instance) else { return false };
        let addresses: Vec<_> = instance.external_ip.into_iter().collect();
        self.sim.net.add_droplet(instance.id, &addresses);
        let project = &self.sim.gcp.project;
        match nodes::register(&running.cluster, project, &pool, instance) {
            Ok(()) => {
                nodes::set_kubelet(&running.cluster, &instance.name, true);
                true
            }
            Err(e) => {
                tracing::warn!("{} does not join: {e}", instance.name);
                false
            }
        }
    }

    fn pool_of(&self, instance: &Instance) -> Option<Arc<GkePool>> {
        let key = format!("{}/{}", instance.cluster, instance.pool);
        self.sim.world.read(|w| w.gke_pools.by_id(&key).cloned())
    }

    /// Shuts an instance down: its Node falls silent and goes with it.
    pub async fn take_down(&self, seq: u64) {
        let Some(instance) = self.instance(seq) else { return };
        let running = self.running(instance.cluster);
        if let Some(running) = &running {
            nodes::set_kubelet(&running.cluster, &instance.name, false);
        }
        self.pass(SHUTDOWN).await;
        self.sim.net.remove_droplet(instance.id);
        self.sim.world.write(|w| super::forget(w, seq));
        if let Some(running) = &running {
            nodes::unregister(&running.cluster, &instance.name);
        }
    }

    /// Breaks an instance down: nobody asked for it, and its group does not notice by itself.
    pub fn dies(&self, seq: u64) {
        let Some(instance) = self.instance(seq) else { return };
        self.advance(seq, InstanceStatus::Terminated);
        if let Some(running) = self.running(instance.cluster) {
            nodes::set_kubelet(&running.cluster, &instance.name, false);
        }
    }

    /// Returns true if an instance runs and its Node is Ready.
    pub fn serves(&self, instance: &Instance) -> bool {
        instance.status == InstanceStatus::Running
            && self
                .running(instance.cluster)
                .is_some_and(|running| nodes::is_ready(&running.cluster, &instance.name))
    }
}
