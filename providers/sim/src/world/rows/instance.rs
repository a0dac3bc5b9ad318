//! Instances of Compute Engine: the machines of GKE's nodes.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::world::table::Row;

/// What an instance does, in the vendor's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum InstanceStatus {
    /// Gets its resources.
    Provisioning,
    /// Boots.
    Staging,
    /// Runs.
    Running,
    /// Shuts down.
    Stopping,
    /// Is off.
    Terminated,
}

/// An instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instance {
    /// Order of creation.
    pub seq: u64,
    /// `ZONE/NAME`.
    pub key: String,
    /// Its number; what listens on it is found by this.
    pub id: u64,
    /// Its name, also the node's.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Its group's name.
    pub group: String,
    /// The GKE cluster it is a node of.
    pub cluster: u64,
    /// The pool it is in.
    pub pool: String,
    /// The number of the template it was made from.
    #[serde(default)]
    pub template: u64,
    /// What it does.
    pub status: InstanceStatus,
    /// Machine type.
    pub machine_type: String,
    /// Network tags.
    pub tags: Vec<String>,
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// The full path of its network.
    pub network: String,
    /// The full path of its subnet.
    pub subnetwork: String,
    /// Its address in the subnet.
    pub internal_ip: Ipv4Addr,
    /// Its public address (loopback), unless its nodes are private.
    pub external_ip: Option<Ipv4Addr>,
    /// The version of its kubelet.
    pub version: String,
    /// The mail address of its service account.
    pub service_account: String,
    /// Disks that are attached, by their place in the zone (`ZONE/NAME`).
    #[serde(default)]
    pub disks: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Row for Instance {
    const KIND: &'static str = "instance";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.key)
    }
    fn lookup(&self) -> &str {
        &self.name
    }
    fn group(&self) -> Option<u64> {
        Some(self.cluster)
    }
}
