//! Events that a run reports while it lasts. The engine sends, `src/ui` renders; `--json` prints them
//! as they are.

use std::{fmt, sync::Arc, time::Duration};

use infra_provider_api::{Address, CloudError, Progress};
use serde::{Deserialize, Serialize};

use super::execute::Counts;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepAction {
    /// Creates, and waits until ready.
    Create,
    /// Changes in place.
    Update,
    /// Deletes, and waits until gone.
    Delete,
    /// Waits until what was created earlier is ready.
    Resume,
}

impl StepAction {
    /// Returns the word for an action under way: `creating`, `updating`, …
    pub fn doing(self) -> &'static str {
        match self {
            Self::Create => "creating",
            Self::Update => "updating",
            Self::Delete => "deleting",
            Self::Resume => "waiting for",
        }
    }

    /// Returns the word for an action that is done: `created`, `updated`, …
    pub fn done(self) -> &'static str {
        match self {
            Self::Create => "created",
            Self::Update => "updated",
            Self::Delete => "deleted",
            Self::Resume => "ready",
        }
    }
}

/// A failed call, as it is printed. Holds no secret, because [`CloudError`] holds none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepError {
    /// The error's kind: `unauthorized`, `quota`, …
    pub kind: String,
    /// The error in one line.
    pub message: String,
    /// What the user can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<&CloudError> for StepError {
    fn from(error: &CloudError) -> Self {
        let kind = format!("{:?}", error.kind).chars().fold(String::new(), |mut text, letter| {
            if letter.is_uppercase() && !text.is_empty() {
                text.push('_');
            }
            text.extend(letter.to_lowercase());
            text
        });
        Self { kind, message: error.to_string(), hint: error.hint.clone() }
    }
}

/// What a run tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// How many steps it has; a replacement has two.
        steps: usize,
    },
    /// A step's call is about to be made; its intent is in the journal.
    StepStarted {
        /// Which resource.
        address: Address,
        /// What is done.
        action: StepAction,
    },
    /// A step (or, with no address, the run) waits, and why. Sent when the reason changes.
    StepWaiting {
        /// Which resource.
        address: Option<Address>,
        /// Why: `status new`, `waiting for the rate limit, 12 s`.
        reason: String,
    },
    /// A transfer has moved more bytes.
    StepProgress {
        /// Which resource.
        address: Option<Address>,
        /// Bytes so far.
        done_bytes: u64,
        /// Bytes in all.
        total_bytes: u64,
    },
    /// A step is done: created and ready, updated, or gone.
    StepDone {
        /// Which resource.
        address: Address,
        /// What was done.
        action: StepAction,
        /// From its start.
        took_ms: u64,
    },
    /// A step failed.
    StepFailed {
        /// Which resource.
        address: Address,
        /// What was tried.
        action: StepAction,
        /// Why.
        error: StepError,
        /// From its start.
        took_ms: u64,
    },
    /// A step is left out.
    StepSkipped {
        /// Which resource.
        address: Address,
        /// What would have been done.
        action: StepAction,
        /// Why: `vpc.main failed`, `stopped`.
        because: String,
    },
    /// The user asked to stop: nothing new is started.
    Stopping {
        /// Calls that are still under way.
        in_flight: Vec<Address>,
    },
    /// Something worth a line.
    Note {
        /// The line.
        text: String,
    },
    /// The run is over.
    RunFinished {
        /// What it did.
        counts: Counts,
        /// From its start.
        took_ms: u64,
    },
}

/// Where a run sends its events. Clones go to the same place.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(Event) + Send + Sync>);

impl Events {
    /// Makes events that go to `sink`, which must not block.
    pub fn new(sink: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Makes events that nobody receives.
    pub fn none() -> Self {
        Self::new(|_| {})
    }

    /// Sends one.
    pub fn send(&self, event: Event) {
        (self.0)(event);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

impl Progress for Events {
    fn waiting(&self, address: Option<&Address>, reason: &str) {
        self.send(Event::StepWaiting { address: address.cloned(), reason: reason.to_owned() });
    }

    fn bytes(&self, address: Option<&Address>, done: u64, total: u64) {
        self.send(Event::StepProgress {
            address: address.cloned(),
            done_bytes: done,
            total_bytes: total,
        });
    }
}

/// Counts whole milliseconds.
pub(crate) fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
