//! VPCs.

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::world::table::Row;

/// A private network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Vpc {
    /// Order of creation.
    pub seq: u64,
    /// UUID.
    pub id: String,
    /// Name, unique in the account.
    pub name: String,
    /// Description.
    pub description: String,
    /// Region slug.
    pub region: String,
    /// Its addresses.
    pub ip_range: Ipv4Net,
    /// Whether it is its region's default.
    pub default: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Addresses given out so far, so that none is used again at once.
    #[serde(default)]
    pub given: u32,
}

impl Row for Vpc {
    const KIND: &'static str = "vpc";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }
    fn lookup(&self) -> &str {
        &self.name
    }
}
