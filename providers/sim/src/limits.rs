//! Limits of the account, settable through the control API and kept in the data folder.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::SimError;

/// Limits of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// API requests an hour.
    pub requests_hour: u32,
    /// API requests a minute.
    pub requests_minute: u32,
    /// Droplets at one time. New accounts of the vendor get few; this one is made for large tests.
    pub droplets: u32,
    /// Load balancers at one time.
    pub load_balancers: u32,
    /// Volumes at one time.
    pub volumes: u32,
    /// Operations of GKE at one time on a cluster.
    pub gke_operations: u32,
    /// vCPUs of Compute Engine at one time in a region.
    pub gcp_cpus: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_hour: 5_000,
            requests_minute: 250,
            droplets: 20_000,
            load_balancers: 200,
            volumes: 2_000,
            gke_operations: 5,
            gcp_cpus: 20_000,
        }
    }
}

/// The limits in force.
pub struct LimitTable {
    path: PathBuf,
    inner: Mutex<Limits>,
}

impl LimitTable {
    /// Loads the limits of a data folder.
    ///
    /// # Errors
    /// Returns an error if the file is there but can't be read.
    pub fn open(data: &Path) -> Result<Self, SimError> {
        let path = data.join("limits.json");
        let limits = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|e| SimError::Record { path: path.clone(), reason: e.to_string() })?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Limits::default(),
            Err(e) => return Err(SimError::io("read", path, e)),
        };
        Ok(Self { path, inner: Mutex::new(limits) })
    }

    /// Returns the limits now.
    pub fn get(&self) -> Limits {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets and records them.
    ///
    /// # Errors
    /// Returns an error if the file can't be written.
    pub fn set(&self, limits: Limits) -> Result<(), SimError> {
        let text = serde_json::to_vec(&limits)
            .map_err(|e| SimError::Record { path: self.path.clone(), reason: e.to_string() })?;
        crate::files::write_private(&self.path, &text)?;
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = limits;
        Ok(())
    }
}
