//! Domains and their records.

use serde::{Deserialize, Serialize};

use crate::world::table::Row;

/// A DNS zone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Domain {
    /// Order of creation.
    pub seq: u64,
    /// Its name, lower case.
    pub name: String,
    /// Default TTL, seconds.
    pub ttl: u32,
}

impl Row for Domain {
    const KIND: &'static str = "domain";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.name)
    }
}

/// A record in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRecord {
    /// Its id.
    pub id: u64,
    /// The zone.
    pub domain: String,
    /// `A`, `AAAA`, `CAA`, `CNAME`, `MX`, `NS`, `SOA`, `SRV`, `TXT`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Relative to the zone; `@` is the zone itself.
    pub name: String,
    /// Address, host or text.
    pub data: String,
    /// MX, SRV.
    pub priority: Option<u32>,
    /// SRV.
    pub port: Option<u32>,
    /// Seconds, at least 30.
    pub ttl: u32,
    /// SRV.
    pub weight: Option<u32>,
    /// CAA.
    pub flags: Option<u32>,
    /// CAA.
    pub tag: Option<String>,
}

impl Row for DomainRecord {
    const KIND: &'static str = "record";
    fn seq(&self) -> u64 {
        self.id
    }
    /// Returns the zone, so that a zone's records are found without a scan.
    fn lookup(&self) -> &str {
        &self.domain
    }
}
