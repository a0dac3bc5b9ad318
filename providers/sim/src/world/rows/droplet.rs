//! Droplets.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::world::table::Row;

/// A droplet's status, in the vendor's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DropletStatus {
    /// Being made.
    New,
    /// Running.
    Active,
    /// Powered off.
    Off,
}

/// A droplet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Droplet {
    /// Its id.
    pub id: u64,
    /// Its name, also the host name.
    pub name: String,
    /// Region slug.
    pub region: String,
    /// Size slug.
    pub size: String,
    /// Image id.
    pub image: u64,
    /// Status.
    pub status: DropletStatus,
    /// Whether an action runs that forbids others.
    pub locked: bool,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Tags.
    pub tags: Vec<String>,
    /// Its VPC.
    pub vpc_uuid: String,
    /// Its public address (loopback), unless it was made without.
    pub public_ip: Option<Ipv4Addr>,
    /// Its address in the VPC.
    pub private_ip: Ipv4Addr,
    /// The VPC's netmask.
    pub netmask: Ipv4Addr,
    /// Keys put on it.
    pub ssh_keys: Vec<u64>,
    /// `monitoring`, `ipv6`, `backups`, `private_networking`, `droplet_agent`.
    pub features: Vec<String>,
    /// Attached volumes.
    pub volume_ids: Vec<String>,
}

impl Row for Droplet {
    const KIND: &'static str = "droplet";
    fn seq(&self) -> u64 {
        self.id
    }
    fn lookup(&self) -> &str {
        &self.name
    }
    fn tags(&self) -> &[String] {
        &self.tags
    }
}

/// A droplet's user-data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserData {
    /// The droplet.
    pub droplet: u64,
    /// At most 64 KiB.
    pub text: String,
}

impl Row for UserData {
    const KIND: &'static str = "user_data";
    fn seq(&self) -> u64 {
        self.droplet
    }
}
