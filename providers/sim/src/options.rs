//! How to run the embedded cloud.

use std::path::PathBuf;

/// Options of [`crate::serve`].
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The folder that holds everything; created when absent.
    pub data: PathBuf,
    /// Drives ids, addresses and delays. Only used when the data folder is new: a world keeps its seed.
    pub seed: u64,
    /// How many times faster than real time boots, delays and rate-limit windows pass (1.0 = real).
    pub speed: f64,
    /// The executable that runs as `EXE sim stand-in TOOL ARGS…` on simulated machines.
    pub exe: PathBuf,
}
