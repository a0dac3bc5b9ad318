//! How to execute.

use std::time::Duration;

use infra_provider_api::RetryPolicy;
use tokio_util::sync::CancellationToken;

/// How to execute.
#[derive(Clone, Debug)]
pub struct ExecuteOptions {
    /// What the run is, for the journal: `apply`, `destroy`.
    pub verb: String,
    /// Calls at the same time. Waiting for readiness does not count.
    pub parallelism: usize,
    /// After a failure, still do all that does not depend on it. Otherwise start nothing new.
    pub keep_going: bool,
    /// Cancelled by the first Ctrl-C (or a lost lock): start nothing new, finish calls under way.
    /// The second one is [`infra_provider_api::Context::stop`]: leave at once.
    pub stop: CancellationToken,
    /// How long a create that got no answer is looked for before it is tried again.
    pub unanswered_grace: Duration,
    /// Longest wait until one resource is ready, instead of what its kind says.
    pub ready_max: Option<Duration>,
    /// Tries of a call that fails without effect.
    pub retry: RetryPolicy,
    /// How long a create waits for others of its kind that are about to be ready, to share a call.
    pub batch_window: Duration,
}

impl Default for ExecuteOptions {
    fn default() -> Self {
        Self {
            verb: "apply".to_owned(),
            parallelism: 16,
            keep_going: true,
            stop: CancellationToken::new(),
            unanswered_grace: Duration::from_secs(20),
            ready_max: None,
            retry: RetryPolicy::EFFECT,
            batch_window: Duration::from_millis(400),
        }
    }
}
