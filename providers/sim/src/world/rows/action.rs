//! Actions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::world::table::Row;

/// How far an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionStatus {
    /// Not done yet.
    InProgress,
    /// Done.
    Completed,
    /// Failed.
    Errored,
}

/// Something that was done to a resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Action {
    /// Its id.
    pub id: u64,
    /// How far it is.
    pub status: ActionStatus,
    /// `create`, `power_off`, `attach_volume`…
    #[serde(rename = "type")]
    pub kind: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// The resource's number, where it has one.
    pub resource_id: Option<u64>,
    /// The resource's UUID, where it has no number.
    #[serde(default)]
    pub resource_uuid: Option<String>,
    /// `droplet`, `volume`, `reserved_ip`.
    pub resource_type: String,
    /// Region slug.
    pub region: String,
}

impl Row for Action {
    const KIND: &'static str = "action";
    fn seq(&self) -> u64 {
        self.id
    }
    /// Returns its resource while it runs, so that it is found by it.
    fn group(&self) -> Option<u64> {
        self.resource_id.filter(|_| self.status == ActionStatus::InProgress)
    }
}
