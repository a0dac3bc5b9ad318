use std::net::SocketAddr;
use std::time::Duration;

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultEffect {
    /// Answered with this HTTP status (429, 500, 502, 503) instead of being done.
    Status {
        /// The HTTP status.
        code: u16,
        /// Value of the Retry-After header, in seconds.
        retry_after_s: Option<u64>,
    },
    /// Done, but later by this much (of simulated time).
    Slow(Duration),
    /// The connection breaks before anything is done.
    ResetBefore,
    /// The connection breaks after the effect, before the answer.
    ResetAfter,
    /// The process that sent it is killed after the effect; the connection breaks.
    KillAfter(u32),
    /// The answer ends in the middle.
    Truncate,
    /// The answer is not JSON.
    NotJson,
    /// A list shows what was there some changes ago.
    StaleList,
    /// A list that is asked for in pages comes in pages of two, so that small ones have several.
    SmallPages,
}

/// Says which calls go wrong.
pub trait Faults: Send + Sync {
    /// Returns what goes wrong with this call. It is asked once a call, so that faults can count.
    /// `peer` is the other end of its connection.
    fn next(&self, method: &str, path: &str, peer: Option<SocketAddr>) -> Option<FaultEffect>;

    /// Kills the process of [`FaultEffect::KillAfter`].
    fn kill(&self, _pid: u32) {}
}

/// Nothing goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn next(&self, _: &str, _: &str, _: Option<SocketAddr>) -> Option<FaultEffect> {
        None
    }
}
