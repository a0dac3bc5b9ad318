//! IAM: service accounts, and the policy of the project.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::world::table::Row;

/// A service account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GcpServiceAccount {
    /// Order of creation.
    pub seq: u64,
    /// Its mail address.
    pub email: String,
    /// Its number.
    pub number: u64,
    /// Name for people.
    pub display_name: String,
    /// Description.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Row for GcpServiceAccount {
    const KIND: &'static str = "gcp_service_account";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.email)
    }
}

/// The IAM policy of the project; there is one at most.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GcpPolicy {
    /// Always 1.
    pub seq: u64,
    /// How often it was set.
    pub version: u64,
    /// The bindings as they are shown.
    pub bindings: Value,
}

impl Row for GcpPolicy {
    const KIND: &'static str = "gcp_policy";
    fn seq(&self) -> u64 {
        self.seq
    }
}
