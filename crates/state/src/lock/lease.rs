//! Who holds the lock, since when and until when.

use std::time::Duration;

use infra_provider_api::Owner;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::process::ProcessId;
use crate::journal::Holder;

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
    /// What `infra state unlock` asks for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// In a bucket: how often the lock was taken, this time included.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u64,
    /// In a bucket: seconds it lasts without being renewed, by the store's clock.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lasts_s: u64,
    /// In a bucket: whose state it guards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// In a bucket: which process it is, for those on the same machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessId>,
    /// In a bucket: it was given back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The format this program writes.
const LEASE_VERSION: u32 = 1;

/// What a lock file holds.
pub(super) enum Content {
    /// Nothing, or what a crash left half-written.
    Nothing,
    /// A lease.
    Lease(Box<Lease>),
    /// A lease of a later version of this program.
    Newer(u64),
}

impl Lease {
    pub(super) fn new(holder: Holder, verb: &str, lasts: Duration) -> Self {
        let now = Timestamp::now();
        Self {
            version: LEASE_VERSION,
            holder,
            verb: verb.to_owned(),
            acquired_at: now,
            expires_at: later(now, lasts),
            id: uuid::Uuid::new_v4().simple().to_string()[..12].to_owned(),
            generation: 0,
            lasts_s: 0,
            owner: None,
            process: None,
            released: false,
        }
    }

    pub(super) fn renew(&mut self, lasts: Duration) {
        self.expires_at = later(Timestamp::now(), lasts);
    }

    /// Returns true if its holder may still be at work, given that nobody on this machine holds the
    /// file lock. Only a holder on another machine may, whose file locks we may not see.
    pub(super) fn may_live(&self, host: &str) -> bool {
        self.holder.host != host && self.expires_at > Timestamp::now()
    }

    pub(super) fn parse(bytes: &[u8]) -> Content {
        let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else {
            return Content::Nothing;
        };
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(found) if found > u64::from(LEASE_VERSION) => Content::Newer(found),
            _ => serde_json::from_value(value)
                .map_or(Content::Nothing, |lease| Content::Lease(Box::new(lease))),
        }
    }
}

fn later(now: Timestamp, lasts: Duration) -> Timestamp {
    now.saturating_add(lasts).unwrap_or(Timestamp::MAX)
}
