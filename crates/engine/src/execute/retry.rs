//! When a call is made again.

use std::time::Duration;

use infra_provider_api::{CloudError, ErrorKind, RATE_LIMIT_MAX, RetryPolicy};
use tokio::time::Instant;

use super::task::RunContext;

/// Tries of one call.
pub(super) struct Tries {
    policy: RetryPolicy,
    started: Instant,
    /// How long a resource may forbid the call (a network that still has members).
    busy_max: Duration,
    attempts: u32,
}

impl Tries {
    pub(super) fn new(policy: RetryPolicy, busy_max: Duration) -> Self {
        Self { policy, started: Instant::now(), busy_max, attempts: 0 }
    }

    /// Counts a failed call. The pause before the next one, if there shall be one. `repeatable`:
    /// the call may be repeated though it may have had its effect.
    pub(super) fn again(&mut self, error: &CloudError, repeatable: bool) -> Option<Duration> {
        self.attempts += 1;
        let elapsed = self.started.elapsed();
        let allowed = match error.kind {
            ErrorKind::RateLimited => elapsed < RATE_LIMIT_MAX,
            ErrorKind::Busy => elapsed < self.busy_max,
            ErrorKind::Unavailable => self.attempts < self.policy.attempts_max,
            ErrorKind::Unanswered | ErrorKind::MalformedResponse => {
                repeatable && self.attempts < self.policy.attempts_max
            }
            _ => false,
        };
        allowed.then(|| self.policy.pause(error, self.attempts))
    }
}

/// Explains why a step waits before it tries again.
pub(super) fn reason(error: &CloudError, pause: Duration) -> String {
    let seconds = pause.as_secs_f64().ceil();
    if error.kind == ErrorKind::RateLimited {
        format!("waiting for the rate limit, {seconds} s")
    } else {
        format!("{}; trying again in {seconds} s", error.message)
    }
}

/// Sleeps; false if the user stopped meanwhile.
pub(super) async fn pause(env: &RunContext, pause: Duration) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => true,
        () = env.options.stop.cancelled() => false,
        () = env.cx.stop.cancelled() => false,
    }
}
