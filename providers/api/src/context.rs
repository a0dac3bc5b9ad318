//! What a kind gets along with each call.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::{Address, CloudError, Owner};

/// Where a long call says what it is doing. Rendered by the UI, written to JSON events.
pub trait Progress: Send + Sync {
    /// Reports a new reason for waiting: `waiting for the rate limit, 12 s`.
    fn waiting(&self, address: Option<&Address>, reason: &str);
    /// Reports `done` of `total` bytes of a transfer.
    fn bytes(&self, address: Option<&Address>, done: u64, total: u64);
}

/// Says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn waiting(&self, _: Option<&Address>, _: &str) {}
    fn bytes(&self, _: Option<&Address>, _: u64, _: u64) {}
}

/// A machine that is about to be created.
#[derive(Clone, Copy, Debug)]
pub struct BootingMachine<'a> {
    /// The name of its node.
    pub node: &'a str,
    /// The idempotency key of its create, which no other machine has: what it reports is filed under
    /// this key, so that nobody reads the report of an earlier machine of its name.
    pub key: &'a str,
}

/// Gives a machine its user-data at the moment it is created, because the URLs in it are
/// short-lived and must not be part of a spec.
#[async_trait]
pub trait MachineBoot: Send + Sync {
    /// Makes the user-data of `machines`, which one call creates, within `limit_bytes`. Several
    /// machines can share theirs because each finds its own part by its name.
    ///
    /// # Errors
    /// Returns `Invalid` if it has more bytes, or the error of publishing.
    async fn user_data(
        &self,
        machines: &[BootingMachine<'_>],
        limit_bytes: usize,
    ) -> Result<SecretString, CloudError>;
}

/// What a kind gets along with each call. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The cluster on whose behalf the call is made.
    pub owner: Owner,
    /// Where to report.
    pub progress: Arc<dyn Progress>,
    /// Cancelled when the user wants to leave at once.
    pub stop: CancellationToken,
    /// Cancelled when the user wants to stop in an orderly way: a call that waits for long ends at
    /// its next safe place, from which the same call resumes later.
    pub wind_down: CancellationToken,
    /// User-data for machines; `None` in runs that create none.
    pub boot: Option<Arc<dyn MachineBoot>>,
    /// DNS zones that the user named to be deleted with the records of others in them.
    pub delete_zones: Arc<[String]>,
}

impl Context {
    /// Makes a context that reports nothing and boots nothing.
    pub fn quiet(owner: Owner) -> Self {
        Self {
            owner,
            progress: Arc::new(NoProgress),
            stop: CancellationToken::new(),
            wind_down: CancellationToken::new(),
            boot: None,
            delete_zones: Arc::default(),
        }
    }
}
