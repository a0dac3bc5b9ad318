//! What `/sim/status` tells about load balancers.

use serde::{Deserialize, Serialize};

/// One listener.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListenerStatus {
    /// Name of the load balancer.
    pub load_balancer: String,
    /// Its UUID.
    pub id: String,
    /// Where clients of the cloud connect.
    pub entry: String,
    /// Where it really listens; another port than `entry` when that may not be bound.
    pub listens_on: Option<String>,
    /// Why it listens nowhere.
    pub error: Option<String>,
    /// Its droplets.
    pub targets: Vec<TargetStatus>,
}

/// A droplet behind a listener.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TargetStatus {
    /// The droplet.
    pub droplet_id: u64,
    /// Its name.
    pub name: String,
    /// The real socket of its port, when something listens there.
    pub socket: Option<String>,
}
