//! Cloud DNS: zones, sets of records, changes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::world::table::Row;

/// A managed zone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GcpZone {
    /// Order of creation.
    pub seq: u64,
    /// Its name in the project.
    pub name: String,
    /// The name of its domain, with the final dot.
    pub dns_name: String,
    /// The zone as it is shown.
    pub body: Value,
    /// The number of its last change.
    pub changes: u64,
}

impl Row for GcpZone {
    const KIND: &'static str = "gcp_zone";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.name)
    }
    fn lookup(&self) -> &str {
        &self.dns_name
    }
}

/// All records of a type at a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcpRecordSet {
    /// Order of creation.
    pub seq: u64,
    /// The zone's name in the project.
    pub zone: String,
    /// The full name, with the final dot.
    pub name: String,
    /// `A`, `TXT`…
    #[serde(rename = "type")]
    pub kind: String,
    /// Seconds.
    pub ttl: u32,
    /// The data of each record.
    pub data: Vec<String>,
}

impl Row for GcpRecordSet {
    const KIND: &'static str = "gcp_record_set";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn lookup(&self) -> &str {
        &self.zone
    }
}

/// A change of a zone's records that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GcpChange {
    /// Order of creation.
    pub seq: u64,
    /// The zone's name in the project.
    pub zone: String,
    /// Its number in the zone.
    pub number: u64,
    /// When it was made.
    pub at: Timestamp,
    /// `pending` until the name servers have it.
    pub is_done: bool,
    /// The change as it was asked for.
    pub body: Value,
}

impl Row for GcpChange {
    const KIND: &'static str = "gcp_change";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn lookup(&self) -> &str {
        &self.zone
    }
}
