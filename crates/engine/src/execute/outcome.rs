//! What a run did.

use std::time::Duration;

use infra_provider_api::{Address, CloudError};
use serde::{Deserialize, Serialize};

use crate::events::StepAction;
use infra_state::store::StoreError;

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Created and ready.
    pub created: usize,
    /// Changed in place.
    pub updated: usize,
    /// Deleted and recreated.
    pub replaced: usize,
    /// Gone.
    pub deleted: usize,
    /// Taken into the state.
    pub adopted: usize,
    /// Taken out of the state.
    pub forgotten: usize,
    /// Created earlier, now ready.
    pub resumed: usize,
    /// Steps that failed.
    pub failed: usize,
    /// Steps left out.
    pub skipped: usize,
    /// As declared already.
    pub unchanged: usize,
}

/// A step that failed.
#[derive(Clone, Debug)]
pub struct FailedStep {
    /// Which resource.
    pub address: Address,
    /// What was tried.
    pub action: StepAction,
    /// Why.
    pub error: CloudError,
}

/// A step that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedStep {
    /// Which resource.
    pub address: Address,
    /// What would have been done.
    pub action: StepAction,
    /// Why.
    pub because: String,
}

/// Why a run ended before its end.
#[derive(Debug)]
pub enum Stopped {
    /// The user asked, or the lock was lost.
    Asked,
    /// The user asked twice: calls were left without waiting for their answer. The next run
    /// resolves them.
    AtOnce,
    /// A step failed, and `keep_going` is off.
    Failure,
    /// The journal can't be written. What was not announced was not done.
    Journal(StoreError),
    /// After an unanswered create, two resources have the same address. A person must choose.
    Ambiguous {
        /// The address.
        address: Address,
        /// The cloud's ids.
        ids: Vec<String>,
    },
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many of each.
    pub counts: Counts,
    /// Steps that failed, in the order they did.
    pub failures: Vec<FailedStep>,
    /// Steps that were left out.
    pub skipped: Vec<SkippedStep>,
    /// Created, but not ready when the run was stopped; the next run waits for them.
    pub waiting: Vec<Address>,
    /// Why it ended before its end, if it did.
    pub stopped: Option<Stopped>,
    /// Why the end of the run, or its history, could not be written down; what it did is recorded.
    pub unkept: Option<StoreError>,
    /// From start to end.
    pub took: Duration,
}

impl Outcome {
    /// Returns true if everything that the plan says is done.
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty() && self.skipped.is_empty() && self.stopped.is_none()
    }
}
