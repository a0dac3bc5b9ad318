//! How the embedded cloud behaves where the vendor's documents leave it open: how machines boot, how
//! long answers travel. Settable through the control API and kept in the data folder.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::SimError;

/// What a machine does once it is active.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineMode {
    /// Its user-data is run by real bash.
    #[default]
    Real,
    /// A worker's user-data is read, not run: the machine fetches and checks its bundle, reports
    /// the stages and joins, without a process or a disk of its own. Everything else is as real.
    Fast,
}

/// How the embedded cloud behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What a machine does once it is active.
    pub machines: MachineMode,
    /// From a droplet's creation until it is active, on the embedded cloud's clock; 300 to 1,000 ms
    /// by the seed when absent.
    pub boot_ms: Option<u64>,
    /// How long each answer of the cloud's API and of S3 takes longer, in real time: a network's
    /// latency does not depend on a clock.
    pub latency_ms: u64,
    /// How long an operation of Google's takes, on the embedded cloud's clock; 200 to 800 ms by the
    /// seed when absent.
    pub gcp_operation_ms: Option<u64>,
    /// Google's APIs take calls that bear no token, as those of a tool without credentials.
    pub gcp_open: bool,
    /// Each call of Google's APIs is written to `gcp-calls.jsonl` in the data folder, with its answer.
    pub gcp_log: bool,
    /// How many times shorter everything takes at GKE than at Google's: a cluster takes four minutes
    /// there.
    pub gke_pace: f64,
    /// Whether the load balancers, firewalls and disks that a GKE cluster has made stay when it is
    /// deleted; by the seed when absent.
    pub gke_leaves: Option<bool>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            machines: MachineMode::default(),
            boot_ms: None,
            latency_ms: 0,
            gcp_operation_ms: None,
            gcp_open: false,
            gcp_log: false,
            gke_pace: 60.0,
            gke_leaves: None,
        }
    }
}

impl Settings {
    /// Returns [`Settings::latency_ms`] as a duration.
    pub fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms)
    }
}

/// The settings in force.
pub struct SettingsTable {
    path: PathBuf,
    inner: Mutex<Settings>,
}

impl SettingsTable {
    /// Loads the settings of a data folder.
    ///
    /// # Errors
    /// Returns an error if the file is there but can't be read.
    pub fn open(data: &Path) -> Result<Self, SimError> {
        let path = data.join("settings.json");
        let settings = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|e| SimError::Record { path: path.clone(), reason: e.to_string() })?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Settings::default(),
            Err(e) => return Err(SimError::io("read", path, e)),
        };
        Ok(Self { path, inner: Mutex::new(settings) })
    }

    /// Returns the settings now.
    pub fn get(&self) -> Settings {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the time that each answer takes longer.
    pub fn latency(&self) -> Duration {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).latency()
    }

    /// Sets and records them.
    ///
    /// # Errors
    /// Returns an error if the file can't be written.
    pub fn set(&self, settings: Settings) -> Result<(), SimError> {
        let text = serde_json::to_vec(&settings)
            .map_err(|e| SimError::Record { path: self.path.clone(), reason: e.to_string() })?;
        crate::files::write_private(&self.path, &text)?;
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = settings;
        Ok(())
    }
}
