//! Zones and records.

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Domain {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) zone_file: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RecordAnswer {
    pub(crate) domain_record: Record,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: u64,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Relative to the zone; `@` is the zone itself.
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) data: Option<String>,
    #[serde(default)]
    pub(crate) ttl: Option<u32>,
}
