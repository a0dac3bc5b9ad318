//! How machines come up, go down and break.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::boot::Boot;
use super::record::{BootState, MachineRecord};
use super::set::MachineSet;
use super::{environment, process};
use crate::faults::Effect;
use crate::settings::MachineMode;
use crate::stand_in::BROKEN_UNIT;
use crate::world::{Droplet, DropletStatus, mix};

/// A boot that takes longer than this waits for something else (its turn, an API server): it no
/// longer counts among those that load the host, so that boots can wait for one another.
const BUSY: Duration = Duration::from_secs(3);

/// How often machines that are to die are looked for.
const REAP_MIN: Duration = Duration::from_millis(50);
const REAP_MAX: Duration = Duration::from_secs(1);

impl MachineSet {
    /// Takes a droplet from `new` to `active`, then runs its user-data.
    pub(super) async fn come_up(self: Arc<Self>, droplet: Droplet, stop: CancellationToken) {
        if self.sim.faults.machine(&droplet.name, Effect::NeverActive) {
            return;
        }
        let settings = self.sim.settings.get();
        let millis = settings.boot_ms.unwrap_or(300 + mix(self.sim.seed, "boot", droplet.id) % 700);
        let pause = self.sim.clock.sleep(Duration::from_millis(millis));
        if stop.run_until_cancelled(pause).await.is_none()
            || !self.sim.world.set_droplet_status(droplet.id, DropletStatus::Active)
        {
            return;
        }
        self.boot(droplet, stop).await;
    }

    /// Runs user-data, unless it ran already.
    pub(super) async fn boot(self: Arc<Self>, droplet: Droplet, stop: CancellationToken) {
        let user_data = self.sim.world.user_data(droplet.id).unwrap_or_default();
        if user_data.trim().is_empty() {
            return;
        }
        let disk = self.disk(droplet.id);
        let earlier = MachineRecord::load(&disk);
        if earlier.as_ref().is_some_and(|r| r.boot != BootState::Running) {
            return;
        }
        if self.sim.settings.get().machines == MachineMode::Fast
            && self.boot_fast(&droplet, &disk, &user_data, &stop).await
        {
            return;
        }
        let Ok(slot) = self.slots.clone().acquire_owned().await else {
            return;
        };
        let free = tokio::spawn(async move {
            tokio::time::sleep(BUSY).await;
            drop(slot);
        });
        if stop.is_cancelled() {
            free.abort();
            return;
        }
        let fails = self.sim.faults.machine(&droplet.name, Effect::BootFails);
        if earlier.is_some() {
            // What the embedded cloud left behind when it was killed.
            process::kill_left_over(&disk);
        }
        let mut variables = environment::variables(&self.sim, &disk, droplet.id);
        if fails {
            // What fails is the container runtime, half-way: what runs can say so, as on a real
            // machine.
            variables.push((BROKEN_UNIT, "containerd.service".to_owned()));
        }
        let boot =
            Boot { disk: &disk, hostname: &droplet.name, variables: &variables, stop: &stop };
        let ended = boot.run(&user_data).await;
        free.abort();
        if fails && ended.is_some_and(|record| record.boot == BootState::Done) {
            // It never started a container runtime.
            disk.say("cloud-init: user-data failed with exit code 1 (a fault that was set)");
            let mut record = MachineRecord::new(BootState::Failed);
            record.exit_code = Some(1);
            record.tail = disk.tail(20);
            record.save(&disk);
        }
    }

    /// Looks for machines that are to die, as long as the embedded cloud runs.
    pub(super) async fn reap(this: std::sync::Weak<Self>) {
        while let Some(set) = this.upgrade() {
            let wanted = |set: &crate::faults::SetFault| set.fault.effect == Effect::Dies;
            if set.sim.faults.list().iter().any(wanted) {
                set.reap_once().await;
            }
            let pause = set.sim.clock.scale(Duration::from_secs(1));
            let stop = set.sim.stop.clone();
            drop(set);
            let pause = tokio::time::sleep(pause.clamp(REAP_MIN, REAP_MAX));
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    pub(super) async fn reap_once(&self) {
        let active: Vec<Arc<Droplet>> = self.sim.world.read(|s| {
            s.droplets.iter().filter(|d| d.status == DropletStatus::Active).cloned().collect()
        });
        for droplet in active {
            if self.sim.faults.machine(&droplet.name, Effect::Dies) {
                self.dies(&droplet).await;
            }
        }
    }

    /// Breaks a machine down: it is powered off, with nobody having asked for it.
    pub(super) async fn dies(&self, droplet: &Droplet) {
        self.disk(droplet.id).say("the machine died (a fault that was set)");
        self.sim.world.set_droplet_status(droplet.id, DropletStatus::Off);
        self.halt(droplet.id);
        self.clusters.machine_down(droplet.id).await;
    }

    /// Follows a machine that is switched on again: what is enabled starts, an unfinished boot is
    /// run again.
    pub(super) async fn power_on(self: Arc<Self>, droplet: Droplet, stop: CancellationToken) {
        let pause = self.sim.clock.sleep(Duration::from_millis(300));
        if stop.run_until_cancelled(pause).await.is_none()
            || !self.sim.world.set_droplet_status(droplet.id, DropletStatus::Active)
        {
            return;
        }
        let disk = self.disk(droplet.id);
        if disk.root.exists() {
            if let Err(e) = disk.power_cycle().and_then(|()| super::units::start_enabled(&disk)) {
                disk.say(&format!("the machine can't start: {e}"));
            }
            self.clusters.machine_up(droplet.id).await;
        }
        self.boot(droplet, stop).await;
    }

    pub(super) async fn erase(&self, droplet: u64) {
        let folder = self.disk(droplet).folder;
        // A process that was just killed may still have written something.
        for _ in 0..3 {
            match tokio::fs::remove_dir_all(&folder).await {
                Ok(()) => return,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => return,
                Err(e) => tracing::debug!("{}: {e}", folder.display()),
            }
        }
        tracing::warn!("{} could not be removed", folder.display());
    }
}
