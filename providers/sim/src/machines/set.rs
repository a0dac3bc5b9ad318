//! All machines: which boots go on, and what the cloud's API tells them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::disk::Disk;
use super::record::MachineRecord;
use super::{process, stand_ins};
use crate::clusters::Clusters;
use crate::error::SimError;
use crate::hooks::{Machines, PowerEvent};
use crate::sim::Sim;
use crate::world::{Droplet, DropletStatus};

/// The machines of an embedded cloud.
pub struct MachineSet {
    pub(super) sim: Arc<Sim>,
    pub(super) folder: PathBuf,
    /// How many boots may load the host at once.
    pub(super) slots: Arc<Semaphore>,
    /// How many fast machines wait for their cluster.
    pub(super) waiting: AtomicU32,
    running: Mutex<HashMap<u64, CancellationToken>>,
    pub(super) clusters: Arc<Clusters>,
    /// TLS to the embedded S3, for machines that fetch without a process.
    pub(super) s3_tls: Arc<rustls::ClientConfig>,
    /// Itself, for tasks in the background.
    this: std::sync::Weak<MachineSet>,
}

/// Makes the machines of this embedded cloud.
///
/// # Errors
/// Returns an error if its folders can't be made.
pub async fn open(sim: Arc<Sim>) -> Result<Arc<dyn Machines>, SimError> {
    let folder = sim.data.join("machines");
    std::fs::create_dir_all(&folder).map_err(|e| SimError::io("create", &folder, e))?;
    stand_ins::install(&sim.data)
        .map_err(|e| SimError::io("write", stand_ins::folder(&sim.data), e))?;
    let clusters = Clusters::new(sim.clone());
    let ca_file = &sim.endpoint.ca_file;
    let ca = std::fs::read(ca_file).map_err(|e| SimError::io("read", ca_file, e))?;
    let s3_tls = crate::control::trusting(&ca)?;
    let cpus = std::thread::available_parallelism().map_or(2, usize::from);
    let set = Arc::new_cyclic(|this| MachineSet {
        sim,
        folder,
        slots: Arc::new(Semaphore::new((cpus * 4).max(8))),
        waiting: AtomicU32::new(0),
        running: Mutex::default(),
        clusters,
        s3_tls,
        this: this.clone(),
    });
    tokio::spawn(MachineSet::reap(Arc::downgrade(&set)));
    Ok(set)
}

impl MachineSet {
    /// Returns the machines behind the trait object that the rest of the crate knows.
    pub fn of(sim: &Sim) -> Option<Arc<Self>> {
        let machines: Arc<dyn std::any::Any + Send + Sync> = sim.machines()?.clone();
        machines.downcast().ok()
    }

    /// Returns the disk of a machine.
    pub fn disk(&self, droplet: u64) -> Disk {
        Disk::new(&self.folder, droplet)
    }

    /// Returns the clusters that run on these machines.
    pub fn clusters(&self) -> &Arc<Clusters> {
        &self.clusters
    }

    /// Makes a token that stops what runs on the machine; it cancels an older one of the machine.
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
    pub(super) fn halt(&self, droplet: u64) {
        if let Some(token) = self.running().remove(&droplet) {
            token.cancel();
        }
        let disk = self.disk(droplet);
        if disk.root.exists() && !disk.fast_marker().exists() {
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
