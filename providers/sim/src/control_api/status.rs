//! `GET /sim/status`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::balancer::ListenerStatus;
use crate::limits::Limits;

/// How an embedded cloud is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// Process id.
    pub pid: u32,
    /// Data folder.
    pub data: PathBuf,
    /// Seed.
    pub seed: u64,
    /// Speed of the clock.
    pub speed: f64,
    /// Seconds since it started, real.
    pub uptime_s: u64,
    /// The executable it runs stand-ins with.
    pub exe: PathBuf,
    /// Base URL of the DigitalOcean API.
    pub digitalocean: String,
    /// Base URL of S3.
    pub s3: String,
    /// Base URL of Google's APIs.
    #[serde(default)]
    pub gcp: String,
    /// Limits of the account.
    pub limits: Limits,
    /// How many there are of each kind.
    pub counts: std::collections::BTreeMap<String, usize>,
    /// Where load balancers listen.
    pub load_balancers: Vec<ListenerStatus>,
    /// Faults set now.
    pub faults: usize,
}
