//! Compute Engine's resources, as they are shown, and its operations.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::world::table::Row;

/// What an operation does to a resource now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GcpState {
    /// It is being made or changed.
    Making,
    /// Nothing.
    Ready,
    /// It is being deleted.
    Leaving,
}

/// A resource of Compute Engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GcpResource {
    /// Order of creation.
    pub seq: u64,
    /// `projects/P/global/networks/N`.
    pub path: String,
    /// `networks`.
    pub collection: String,
    /// `global`, `regions/R` or `zones/Z`.
    pub scope: String,
    /// Its name.
    pub name: String,
    /// What an operation does to it now.
    pub state: GcpState,
    /// The resource as it is shown.
    pub body: Value,
    /// The GKE cluster whose controllers made it.
    #[serde(default)]
    pub made_by: Option<u64>,
}

impl Row for GcpResource {
    const KIND: &'static str = "gcp_resource";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.path)
    }
    fn lookup(&self) -> &str {
        &self.collection
    }
    fn group(&self) -> Option<u64> {
        self.made_by
    }
}

/// What ends with an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GcpEffect {
    /// The resource of this path is ready.
    Ready(String),
    /// The resource of this path is gone.
    Gone(String),
    /// Nothing: whoever began it ends it.
    ByHand,
}

/// An operation of Compute Engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GcpOperation {
    /// Order of creation.
    pub seq: u64,
    /// Its name, unique in the project.
    pub name: String,
    /// Its number.
    pub number: u64,
    /// `global`, `regions/R` or `zones/Z`.
    pub scope: String,
    /// `insert`, `delete`, `patch`…
    pub kind: String,
    /// The path of the resource.
    pub target: String,
    /// The number of the resource.
    pub target_number: String,
    /// `PENDING`, `RUNNING` or `DONE`.
    pub status: String,
    /// 0–100.
    pub progress: u32,
    /// How long it takes, milliseconds of the clock.
    pub takes_ms: u64,
    /// When it was asked for.
    pub inserted: Timestamp,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What ends with it.
    pub effect: GcpEffect,
    /// `code` and `message`, if it failed.
    pub error: Option<(String, String)>,
    /// The caller's `requestId`; empty without one.
    pub request_id: String,
    /// Method and path of the call that began it.
    pub request: String,
}

impl Row for GcpOperation {
    const KIND: &'static str = "gcp_operation";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.name)
    }
    fn lookup(&self) -> &str {
        &self.request_id
    }
}
