//! The running embedded cloud, as its parts see it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use crate::endpoint::Endpoint;
use crate::faults::FaultTable;
use crate::gcp::GcpAccount;
use crate::hooks::Machines;
use crate::limits::LimitTable;
use crate::net::Net;
use crate::settings::SettingsTable;
use crate::world::World;
use infra_sim_kube::Clock;

/// What all parts of a running embedded cloud share.
pub struct Sim {
    /// The data folder, absolute.
    pub data: PathBuf,
    /// The executable that runs stand-ins.
    pub exe: PathBuf,
    /// The seed of this world.
    pub seed: u64,
    /// What exists in the cloud.
    pub world: Arc<World>,
    /// Services on machines.
    pub net: Net,
    /// The clock.
    pub clock: Arc<Clock>,
    /// Faults to inject.
    pub faults: Arc<FaultTable>,
    /// Limits of the account.
    pub limits: Arc<LimitTable>,
    /// How it behaves.
    pub settings: Arc<SettingsTable>,
    /// Where this embedded cloud answers.
    pub endpoint: Endpoint,
    /// The Google Cloud project, and where its APIs answer.
    pub gcp: GcpAccount,
    /// Cancelled when it shuts down.
    pub stop: CancellationToken,
    machines: OnceLock<Arc<dyn Machines>>,
}

/// The parts of [`Sim::new`].
pub struct SimParts {
    /// See [`Sim::data`].
    pub data: PathBuf,
    /// See [`Sim::exe`].
    pub exe: PathBuf,
    /// See [`Sim::seed`].
    pub seed: u64,
    /// See [`Sim::world`].
    pub world: Arc<World>,
    /// See [`Sim::net`].
    pub net: Net,
    /// See [`Sim::clock`].
    pub clock: Arc<Clock>,
    /// See [`Sim::faults`].
    pub faults: Arc<FaultTable>,
    /// See [`Sim::limits`].
    pub limits: Arc<LimitTable>,
    /// See [`Sim::settings`].
    pub settings: Arc<SettingsTable>,
    /// See [`Sim::endpoint`].
    pub endpoint: Endpoint,
    /// See [`Sim::gcp`].
    pub gcp: GcpAccount,
    /// See [`Sim::stop`].
    pub stop: CancellationToken,
}

impl Sim {
    /// Puts the parts together.
    pub fn new(p: SimParts) -> Arc<Self> {
        Arc::new(Self {
            data: p.data,
            exe: p.exe,
            seed: p.seed,
            world: p.world,
            net: p.net,
            clock: p.clock,
            faults: p.faults,
            limits: p.limits,
            settings: p.settings,
            endpoint: p.endpoint,
            gcp: p.gcp,
            stop: p.stop,
            machines: OnceLock::new(),
        })
    }

    /// Sets the machines; only the first call counts.
    pub fn set_machines(&self, machines: Arc<dyn Machines>) {
        let _ = self.machines.set(machines);
    }

    /// Returns the machines; `None` only while the cloud starts.
    pub fn machines(&self) -> Option<&Arc<dyn Machines>> {
        self.machines.get()
    }
}
