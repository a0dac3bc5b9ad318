//! What a task of a run is given, and what it gives back.

use std::sync::Arc;

use infra_provider_api::{Address, CloudError, Context, Observed};
use jiff::Timestamp;

use super::ExecuteOptions;
use crate::events::{Event, Events, StepAction};
use infra_state::{
    IntentAction, OpenIntent, ResourceState,
    store::{Store, StoreError},
};

/// What every task of a run shares.
pub(super) struct RunContext {
    pub cx: Context,
    pub store: Arc<Store>,
    pub options: ExecuteOptions,
    pub events: Events,
}

impl RunContext {
    pub(super) fn started(&self, address: &Address, action: StepAction) {
        self.events.send(Event::StepStarted { address: address.clone(), action });
    }

    pub(super) fn waiting(&self, address: &Address, reason: String) {
        self.events.send(Event::StepWaiting { address: Some(address.clone()), reason });
    }
}

/// How the call of a step ended well.
#[derive(Debug)]
pub(super) enum CallOutcome {
    /// It exists and can be used.
    Ready(Observed),
    /// It exists and can't be used yet.
    Pending(Observed),
    /// It is gone.
    Gone,
    /// The cloud is about to delete it.
    Going(Observed),
}

/// How a step ended badly.
#[derive(Debug)]
pub(super) enum CallError {
    /// The cloud says no.
    Cloud(CloudError),
    /// The journal can't be written: the run must end.
    Journal(StoreError),
    /// Two resources where one was created: the run must end.
    Ambiguous { address: Address, ids: Vec<String> },
    /// The user wants to leave. The intent stays open.
    Stopped,
}

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> Self {
        Self::Journal(error)
    }
}

impl From<CloudError> for CallError {
    fn from(error: CloudError) -> Self {
        Self::Cloud(error)
    }
}

impl Clone for CallError {
    fn clone(&self) -> Self {
        match self {
            Self::Cloud(error) => Self::Cloud(error.clone()),
            Self::Journal(error) => Self::Journal(error.clone()),
            Self::Ambiguous { address, ids } => {
                Self::Ambiguous { address: address.clone(), ids: ids.clone() }
            }
            Self::Stopped => Self::Stopped,
        }
    }
}

/// What a task gives back.
#[derive(Debug)]
pub(super) enum TaskResult {
    /// The calls of these steps are over.
    Calls(Vec<(usize, Result<CallOutcome, CallError>)>),
    /// A step's wait is over: ready with what it is now, or gone.
    Wait(usize, Result<Option<Box<Observed>>, CallError>),
}

pub(super) fn intent(
    action: IntentAction,
    key: Option<String>,
    resource: ResourceState,
) -> OpenIntent {
    OpenIntent { action, key, resource, since: Timestamp::now() }
}
