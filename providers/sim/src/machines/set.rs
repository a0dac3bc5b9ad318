//! All machines: which boots go on, and what the cloud's API tells them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::boot::Boot;
use super::disk::Disk;
use super::record::{BootState, MachineRecord};
use super::{environment, process, stand_ins};
use crate::clusters::Clusters;
use crate::error::SimError;
use crate::faults::Effect;
use crate::hooks::{Machines, PowerEvent};
use crate::sim::Sim;
use crate::world::{Droplet, DropletStatus, mix};

/// A boot that takes longer than this waits for something else (its turn, an API server): it no
/// longer counts among those that load the host, so that boots can wait for one another.
const BUSY: Duration = Duration::from_secs(3);

/// How often machines that are to die are looked for.
const REAP_MIN: Duration = Duration::from_millis(50);
const REAP_MAX: Duration = Duration::from_secs(1);

/// The machines of an embedded cloud.
pub struct MachineSet {
    sim: Arc<Sim>,
    folder: PathBuf,
    /// How many boots may load the host at once.
    slots: Arc<Semaphore>,
    running: Mutex<HashMap<u64, CancellationToken>>,
    clusters: Arc<Clusters>,
    /// Itself, for tasks in the background.
    this: std::sync::Weak<MachineSet>,
}

/// Makes the machines of this embedded cloud.
///
/// # Errors
/// When its folders can't be made.
pub async fn open(sim: Arc<Sim>) -> Result<Arc<dyn Machines>, SimError> {
    let folder = sim.data.join("machines");
    std::fs::create_dir_all(&folder).map_err(|e| SimError::io("create", &folder, e))?;
    stand_ins::install(&sim.data)
        .map_err(|e| SimError::io("write", stand_ins::folder(&sim.data), e))?;
    let clusters = Clusters::new(sim.clone());
    let cpus = std::thread::available_parallelism().map_or(2, usize::from);
    let set = Arc::new_cyclic(|this| MachineSet {
        sim,
        folder,
        slots: Arc::new(Semaphore::new((cpus * 4).max(8))),
        running: Mutex::default(),
        clusters,
        this: this.clone(),
    });
    tokio::spawn(MachineSet::reap(Arc::downgrade(&set)));
    Ok(set)
}

impl MachineSet {
    /// The machines behind the trait object that the rest of the crate knows.
    pub fn of(sim: &Sim) -> Option<Arc<Self>> {
        let machines: Arc<dyn std::any::Any + Send + Sync> = sim.machines()?.clone();
        machines.downcast().ok()
    }

    /// The disk of a machine.
    pub fn disk(&self, droplet: u64) -> Disk {
        Disk::new(&self.folder, droplet)
    }

    /// The clusters that run on these machines.
    pub fn clusters(&self) -> &Arc<Clusters> {
        &self.clusters
    }

    /// A token that stops what runs on the machine; an older one of the machine is cancelled.
    fn begin(&self, droplet: u64) -> CancellationToken {
        let token = self.sim.stop.child_token();
        let old = self.running().insert(droplet, token.clone());
        if let Some(old) = old {
            old.cancel();
        }
        token
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<u64, CancellationToken>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills what runs on the machine.
    fn halt(&self, droplet: u64) {
        if let Some(token) = self.running().remove(&droplet) {
            token.cancel();
        }
        let disk = self.disk(droplet);
        if disk.root.exists() {
            process::kill_left_over(&disk);
        }
    }

    fn spawn<F>(&self, work: impl FnOnce(Arc<Self>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(this) = self.this.upgrade() {
            tokio::spawn(work(this));
        }
    }

    /// From `new` to `active`, then user-data.
    async fn come_up(self: Arc<Self>, droplet: Droplet, stop: CancellationToken) {
        if self.sim.faults.machine(&droplet.name, Effect::NeverActive) {
            return;
        }
        let millis = 300 + mix(self.sim.seed, "boot", droplet.id) % 700;
        let pause = self.sim.clock.sleep(Duration::from_millis(millis));
        if stop.run_until_cancelled(pause).await.is_none()
            || !self.sim.world.set_droplet_status(droplet.id, DropletStatus::Active)
        {
            return;
        }
        self.boot(droplet, stop).await;
    }

    /// Runs user-data, unless it ran already.
    async fn boot(self: Arc<Self>, droplet: Droplet, stop: CancellationToken) {
        let user_data = self.sim.world.user_data(droplet.id).unwrap_or_default();
        if user_data.trim().is_empty() {
            return;
        }
        let disk = self.disk(droplet.id);
        if MachineRecord::load(&disk).is_some_and(|r| r.boot != BootState::Running) {
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
        if self.sim.faults.machine(&droplet.name, Effect::BootFails) {
            disk.say("cloud-init: user-data failed with exit code 1 (a fault that was set)");
            let mut record = MachineRecord::new(BootState::Failed);
            record.exit_code = Some(1);
            record.tail = disk.tail(20);
            record.save(&disk);
            free.abort();
            return;
        }
        process::kill_left_over(&disk);
        let variables = environment::variables(&self.sim, &disk, droplet.id);
        let boot =
            Boot { disk: &disk, hostname: &droplet.name, variables: &variables, stop: &stop };
        boot.run(&user_data).await;
        free.abort();
    }

    /// Looks for machines that are to die, as long as the embedded cloud runs.
    async fn reap(this: std::sync::Weak<Self>) {
        while let Some(set) = this.upgrade() {
            let wanted = |(fault, _): &(crate::Fault, u32)| fault.effect == Effect::Dies;
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

    async fn reap_once(&self) {
        let active: Vec<Arc<Droplet>> = self.sim.world.read(|s| {
            s.droplets.iter().filter(|d| d.status == DropletStatus::Active).cloned().collect()
        });
        for droplet in active {
            if self.sim.faults.machine(&droplet.name, Effect::Dies) {
                self.dies(&droplet).await;
            }
        }
    }

    /// A machine breaks down: powered off, with nobody having asked for it.
    async fn dies(&self, droplet: &Droplet) {
        self.disk(droplet.id).say("the machine died (a fault that was set)");
        self.sim.world.set_droplet_status(droplet.id, DropletStatus::Off);
        self.halt(droplet.id);
        self.clusters.machine_down(droplet.id).await;
    }

    /// Switched on again: what is enabled starts, an unfinished boot is run again.
    async fn power_on(self: Arc<Self>, droplet: Droplet, stop: CancellationToken) {
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

    async fn erase(&self, droplet: u64) {
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

#[async_trait]
impl Machines for MachineSet {
    async fn created(&self, droplet: &Droplet) {
        let stop = self.begin(droplet.id);
        let droplet = droplet.clone();
        self.spawn(|this| this.come_up(droplet, stop));
    }

    async fn deleted(&self, droplet: &Droplet) {
        let id = droplet.id;
        self.halt(id);
        self.spawn(|this| async move {
            this.clusters.machine_gone(id).await;
            this.erase(id).await;
        });
    }

    async fn power(&self, droplet: &Droplet, event: PowerEvent) {
        let droplet = droplet.clone();
        self.halt(droplet.id);
        match event {
            PowerEvent::Off => {
                self.sim.world.set_droplet_status(droplet.id, DropletStatus::Off);
                self.spawn(|this| async move { this.clusters.machine_down(droplet.id).await });
            }
            PowerEvent::On | PowerEvent::Reboot => {
                let stop = self.begin(droplet.id);
                self.spawn(|this| async move {
                    this.clusters.machine_down(droplet.id).await;
                    this.power_on(droplet, stop).await;
                });
            }
            PowerEvent::Rebuild => {
                let stop = self.begin(droplet.id);
                self.spawn(|this| async move {
                    this.clusters.machine_gone(droplet.id).await;
                    this.erase(droplet.id).await;
                    this.come_up(droplet, stop).await;
                });
            }
        }
    }

    async fn restored(&self, droplets: Vec<Droplet>) {
        self.clusters.restore().await;
        for droplet in droplets {
            match droplet.status {
                DropletStatus::New => self.created(&droplet).await,
                DropletStatus::Active => {
                    let stop = self.begin(droplet.id);
                    self.spawn(|this| this.boot(droplet, stop));
                }
                DropletStatus::Off => {}
            }
        }
    }

    fn describe(&self, droplet: u64) -> serde_json::Value {
        let disk = self.disk(droplet);
        let record = MachineRecord::load(&disk);
        let mut value = serde_json::to_value(record).unwrap_or_default();
        if let Some(map) = value.as_object_mut() {
            map.insert("console".to_owned(), disk.console().display().to_string().into());
        }
        value
    }
}
