//! Updating and deleting: one call each, repeatable at will.

use std::sync::Arc;

use infra_provider_api::{
    Address, CloudError, ErrorKind, Kind, Observed, RawJson, Readiness, UpdateRequest,
};

use super::{
    fence,
    retry::{self, Tries},
    task::{CallError, CallOutcome, RunContext, TaskResult, intent},
};
use crate::events::StepAction;
use infra_state::{IntentAction, OpenIntent, ResourceState, journal::Entry};

/// Changes one resource in place.
pub(super) async fn update(
    env: Arc<RunContext>,
    kind: Arc<dyn Kind>,
    step: usize,
    request: UpdateRequest,
    record: ResourceState,
) -> TaskResult {
    let address = record.address.clone();
    let busy_max = kind.waits().ready;
    let opened = intent(IntentAction::Update, None, record.clone());
    let call = || kind.update(&env.cx, &request);
    let result = match effect(&env, &address, StepAction::Update, busy_max, opened, call).await {
        Ok(observed) => {
            let entry = Entry::Updated(record.seen(&observed));
            env.store.append([entry]).await.map_err(CallError::Journal).map(|()| {
                if observed.readiness == Readiness::Ready {
                    CallOutcome::Ready(observed)
                } else {
                    CallOutcome::Pending(observed)
                }
            })
        }
        Err(error) => Err(error),
    };
    TaskResult::Calls(vec![(step, result)])
}

/// Deletes one resource. `address` is the change's; that of `observed` may be another one's, too.
pub(super) async fn delete(
    env: Arc<RunContext>,
    kind: Arc<dyn Kind>,
    step: usize,
    address: Address,
    observed: Observed,
) -> TaskResult {
    let busy_max = kind.waits().gone;
    let opened = intent(IntentAction::Delete, None, going(&address, &observed));
    let call = || async {
        match kind.delete(&env.cx, &observed).await {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(true),
            result => result,
        }
    };
    let result = match effect(&env, &address, StepAction::Delete, busy_max, opened, call).await {
        Ok(false) => Ok(CallOutcome::Going(observed)),
        Ok(true) => {
            let entry = Entry::Deleted { address, id: observed.id };
            env.store.append([entry]).await.map_err(CallError::Journal).map(|()| CallOutcome::Gone)
        }
        Err(error) => Err(error),
    };
    TaskResult::Calls(vec![(step, result)])
}

/// Journals the intent, makes the call, and makes it again while its error passes. By the contract
/// of kinds, a call that is made twice has the effect of one.
async fn effect<T, Fut: Future<Output = Result<T, CloudError>>>(
    env: &RunContext,
    address: &Address,
    action: StepAction,
    busy_max: std::time::Duration,
    opened: OpenIntent,
    call: impl Fn() -> Fut,
) -> Result<T, CallError> {
    let what = opened.action;
    env.store.append([Entry::Intent(opened)]).await?;
    env.started(address, action);
    let mut tries = Tries::new(env.options.retry, busy_max);
    loop {
        // Since the intent the process may have slept past its lease, and may yet.
        let result = tokio::select! {
            biased;
            error = fence::lost(&env.store) => return Err(error.into()),
            result = call() => result,
            () = env.cx.stop.cancelled() => return Err(CallError::Stopped),
        };
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) if error.kind == ErrorKind::Cancelled => return Err(CallError::Stopped),
            Err(error) => error,
        };
        if let Some(pause) = tries.again(&error, true) {
            env.waiting(address, retry::reason(&error, pause));
            if retry::pause(env, pause).await {
                continue;
            }
        }
        // The next plan looks at what is there; nothing hangs on this intent.
        let (address, message) = (address.clone(), error.to_string());
        env.store.append([Entry::Failed { address, action: what, message }]).await?;
        return Err(CallError::Cloud(error));
    }
}

fn going(address: &Address, observed: &Observed) -> ResourceState {
    ResourceState {
        address: address.clone(),
        id: observed.id.clone(),
        generation: 0,
        spec: RawJson::default(),
        outputs: RawJson::default(),
        needs: Vec::new(),
        phase: infra_provider_api::Phase::Infra,
        protect: false,
        ready: false,
    }
}
