//! Who holds the lock, since when and until when.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::journal::Holder;

/// Who holds the lock, since when and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Format; a higher one than ours is refused.
    pub version: u32,
    /// Who.
    pub holder: Holder,
    /// What it does: `apply`.
    pub verb: String,
    /// Since when.
    pub acquired_at: Timestamp,
    /// Until when, if it is not renewed.
    pub expires_at: Timestamp,
}

/// The format this program writes.
pub(super) const LEASE_VERSION: u32 = 1;

impl Lease {
    pub(super) fn new(holder: Holder, verb: &str, now: Timestamp, lasts: Duration) -> Self {
        Self {
            version: LEASE_VERSION,
            holder,
            verb: verb.to_owned(),
            acquired_at: now,
            expires_at: now + lasts,
        }
    }
}
