//! Retries, written once, on the error's kind.

use std::{future::Future, time::Duration};

use rand::Rng;

use crate::{CloudError, Context, ErrorKind};

/// How long refusals for the rate limit are waited out when the cloud says until when: the longest
/// window of those clouds is an hour.
pub const RATE_LIMIT_MAX: Duration = Duration::from_secs(65 * 60);
/// The shortest of those waits: a cloud may round down to nothing.
const RATE_LIMIT_PAUSE_MIN: Duration = Duration::from_millis(250);

/// How often and how long to try again.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Calls in all.
    pub attempts_max: u32,
    /// First pause; doubled each time, with full jitter.
    pub pause_first: Duration,
    /// Longest pause, but for what the cloud asks for in `Retry-After`.
    pub pause_max: Duration,
    /// Whether the call may be repeated when no answer came (reads, and creates that carry a key
    /// which the cloud itself compares).
    pub repeat_unanswered: bool,
}

impl RetryPolicy {
    /// For reads.
    pub const READ: Self = Self {
        attempts_max: 8,
        pause_first: Duration::from_millis(200),
        pause_max: Duration::from_secs(10),
        repeat_unanswered: true,
    };

    /// For calls with an effect: only what surely had none is repeated.
    pub const EFFECT: Self = Self { repeat_unanswered: false, ..Self::READ };

    fn allows(&self, error: &CloudError, attempt: u32) -> bool {
        attempt < self.attempts_max
            && (error.is_transient() || (self.repeat_unanswered && error.is_uncertain()))
    }

    /// Returns the pause after the `attempt`-th failed call, from 1.
    pub fn pause(&self, error: &CloudError, attempt: u32) -> Duration {
        if let Some(asked) = error.retry_after {
            return asked;
        }
        let doubled = self.pause_first.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        let ceiling = doubled.min(self.pause_max);
        let floor = ceiling / 2;
        floor + rand::rng().random_range(Duration::ZERO..=ceiling - floor)
    }
}

/// Calls `operation` until it works, its error is not to be retried, or the user stops. A rate
/// limit that says until when is waited out, for 65 minutes at most.
///
/// ```
/// use std::{cell::Cell, time::Duration};
///
/// use infra_provider_api::{CloudError, Context, ErrorKind, Owner, RetryPolicy, retry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let cx = Context::quiet(Owner { cluster: "shop".into(), uuid: uuid::Uuid::nil() });
/// let calls = Cell::new(0);
/// let lost = || async {
///     calls.set(calls.get() + 1);
///     match calls.get() {
///         1 => Err(CloudError::new(ErrorKind::Unanswered, "list droplets", "connection reset")),
///         _ => Ok("worker-1"),
///     }
/// };
/// let read = RetryPolicy { pause_first: Duration::from_millis(1), ..RetryPolicy::READ };
/// assert_eq!(retry(&cx, read, &lost).await.ok(), Some("worker-1"));
///
/// // What may have had an effect is not repeated.
/// calls.set(0);
/// let effect = RetryPolicy { pause_first: Duration::from_millis(1), ..RetryPolicy::EFFECT };
/// assert!(retry(&cx, effect, &lost).await.is_err_and(|error| error.is_uncertain()));
/// assert_eq!(calls.get(), 1);
/// # }
/// ```
///
/// # Errors
/// Returns the last error of `operation`, or [`ErrorKind::Cancelled`].
pub async fn retry<T, F, Fut>(
    cx: &Context,
    policy: RetryPolicy,
    mut operation: F,
) -> Result<T, CloudError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, CloudError>>,
{
    let mut attempt = 0;
    let mut waited = Duration::ZERO;
    loop {
        attempt += 1;
        let error = match operation().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if !policy.allows(&error, attempt) {
            return Err(error);
        }
        let mut pause = policy.pause(&error, attempt);
        // Sent away until a time that the cloud names: that is no failed try. Many that share an
        // account are sent away often before their turn comes.
        let named = error.kind == ErrorKind::RateLimited && error.retry_after.is_some();
        if named && waited < RATE_LIMIT_MAX {
            pause = pause.max(RATE_LIMIT_PAUSE_MIN);
            waited += pause;
            attempt -= 1;
        }
        if pause >= Duration::from_secs(1) {
            let seconds = pause.as_secs_f64().ceil();
            let why = if error.kind == ErrorKind::RateLimited {
                format!("waiting for the rate limit, {seconds} s")
            } else {
                format!("{error}; trying again in {seconds} s")
            };
            cx.progress.waiting(None, &why);
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = cx.stop.cancelled() => {
                return Err(CloudError::new(ErrorKind::Cancelled, error.operation, "stopped while waiting to try again"));
            }
        }
    }
}
