//! How long certificates live and when they are due.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::{Result, SslError};

/// Seconds of a day; certificates know no leap seconds.
pub const DAY_SECONDS: i64 = 86_400;
/// A new certificate begins an hour in the past, so that a machine accepts it whose clock lags, or
/// that has the right time while the clock here is ahead. kubeadm backdates by five minutes, but it
/// runs on machines that keep their time; a laptop that has slept does not.
const BACKDATE: SignedDuration = SignedDuration::from_hours(1);
/// Renewing must gain at least this much, else a leaf cut short by its authority's end would be
/// renewed on every run.
const WORTHWHILE: SignedDuration = SignedDuration::from_hours(24);

/// Periods in days, as infra.toml gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// Life of a certificate authority.
    pub ca_days: u32,
    /// Life of a leaf; never past its authority's end.
    pub leaf_days: u32,
    /// A leaf with fewer days left than this is renewed.
    pub renew_before_days: u32,
}

impl Default for Validity {
    /// Returns kubeadm's own periods: ten years and one year, with renewal in the last month.
    fn default() -> Self {
        Validity { ca_days: 3650, leaf_days: 365, renew_before_days: 30 }
    }
}

/// What a leaf needs at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Due {
    /// Nothing.
    No,
    /// It is inside its renewal period.
    Soon,
    /// It is past its end.
    Expired,
    /// It has not begun: the clock that made it was ahead, or the one that judges it is behind.
    NotYetValid,
}

impl Validity {
    /// Refuses periods that contradict each other: zero days, leaves that outlive their
    /// authority, a renewal period as long as the life (renewed on every run).
    pub fn check(&self) -> Result<()> {
        let refuse = |text: String| Err(SslError::Validity(text));
        if self.ca_days == 0 || self.leaf_days == 0 {
            return refuse("ca_days and leaf_days must be at least 1".into());
        }
        if self.ca_days > 36_500 {
            return refuse(format!("ca_days = {} is more than a hundred years", self.ca_days));
        }
        if self.leaf_days > self.ca_days {
            return refuse(format!(
                "leaf_days = {} is more than ca_days = {}",
                self.leaf_days, self.ca_days
            ));
        }
        if self.renew_before_days >= self.leaf_days {
            return refuse(format!(
                "renew_before_days = {} must be less than leaf_days = {}",
                self.renew_before_days, self.leaf_days
            ));
        }
        Ok(())
    }

    /// Returns the begin and the end of a new authority made at `now`.
    pub fn authority_span(&self, now: Timestamp) -> Result<(Timestamp, Timestamp)> {
        Ok((add(now, -BACKDATE)?, add(now, days(self.ca_days))?))
    }

    /// Returns the begin and the end of a new leaf made at `now`; the authority lives from
    /// `ca_begin` to `ca_end`.
    pub fn leaf_span(
        &self,
        now: Timestamp,
        ca_begin: Timestamp,
        ca_end: Timestamp,
    ) -> Result<(Timestamp, Timestamp)> {
        let begin = begin_of(now, ca_begin)?;
        Ok((begin, add(now, days(self.leaf_days))?.min(ca_end)))
    }

    /// Says if a leaf that lives from `begin` to `end` is due at `now`. A leaf that ends with its
    /// authority is not "soon": renewing it would gain nothing.
    pub fn due(&self, now: Timestamp, begin: Timestamp, end: Timestamp, ca_end: Timestamp) -> Due {
        if now >= end {
            return Due::Expired;
        }
        if now < begin {
            return Due::NotYetValid;
        }
        let left = end.duration_since(now);
        let renewed = match add(now, days(self.leaf_days)) {
            Ok(t) => t.min(ca_end),
            Err(_) => ca_end,
        };
        if left < days(self.renew_before_days) && renewed.duration_since(end) >= WORTHWHILE {
            Due::Soon
        } else {
            Due::No
        }
    }
}

/// Returns when a leaf begins that is made at `now` under an authority that begins at `ca_begin`.
pub(crate) fn begin_of(now: Timestamp, ca_begin: Timestamp) -> Result<Timestamp> {
    Ok(add(now, -BACKDATE)?.max(ca_begin))
}

/// Counts the whole days from `now` to `end`, rounded down; they are negative once it is past.
pub(crate) fn days_left(now: Timestamp, end: Timestamp) -> i64 {
    end.duration_since(now).as_secs().div_euclid(DAY_SECONDS)
}

fn days(n: u32) -> SignedDuration {
    SignedDuration::from_secs(i64::from(n) * DAY_SECONDS)
}

fn add(t: Timestamp, d: SignedDuration) -> Result<Timestamp> {
    t.checked_add(d).map_err(|e| SslError::Validity(format!("a date out of range: {e}")))
}
