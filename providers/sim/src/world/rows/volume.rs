//! Block storage.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::world::table::Row;

/// A volume.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Volume {
    /// Order of creation.
    pub seq: u64,
    /// UUID.
    pub id: String,
    /// Name, unique in its region.
    pub name: String,
    /// Description.
    pub description: String,
    /// Region slug.
    pub region: String,
    /// 1–16384.
    pub size_gigabytes: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Tags.
    pub tags: Vec<String>,
    /// The droplet it is attached to.
    pub droplet_id: Option<u64>,
    /// `ext4`, `xfs` or empty.
    pub filesystem_type: String,
    /// Label.
    pub filesystem_label: String,
}

impl Row for Volume {
    const KIND: &'static str = "volume";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }
    fn lookup(&self) -> &str {
        &self.name
    }
    fn tags(&self) -> &[String] {
        &self.tags
    }
}
