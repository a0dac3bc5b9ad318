//! What follows from the end of a call or a wait.

use std::sync::Arc;

use infra_provider_api::{Address, CloudError, ErrorKind, Observed};
use tokio::{sync::oneshot, time::Instant};

use super::{
    FailedStep, SkippedStep, Stopped,
    run::Run,
    task::{CallError, CallOutcome, RunContext, TaskResult},
    waiter::Want,
};
use crate::{
    events::{Event, StepAction, StepError, millis},
    plan::{Action, Change, Step},
};
use infra_state::{IntentAction, journal::Entry};

impl<'a> Run<'a> {
    pub(super) fn settle(&mut self, finished: TaskResult) {
        match finished {
            TaskResult::Calls(results) => {
                for (step, result) in results {
                    match result {
                        Ok(called) => self.called(step, called),
                        Err(error) => self.ended_badly(step, error),
                    }
                }
            }
            TaskResult::Wait(step, Ok(observed)) => {
                self.done(step, observed.map(|observed| *observed));
            }
            TaskResult::Wait(step, Err(error)) => self.ended_badly(step, error),
        }
    }

    fn called(&mut self, step: usize, called: CallOutcome) {
        match called {
            CallOutcome::Ready(observed) => self.done(step, Some(observed)),
            CallOutcome::Gone => self.done(step, None),
            CallOutcome::Pending(_) | CallOutcome::Going(_) if self.stopping => self.left(step),
            CallOutcome::Pending(observed) => self.wait_for(step, observed, Want::Ready),
            CallOutcome::Going(observed) => self.wait_for(step, observed, Want::Gone),
        }
    }

    fn wait_for(&mut self, step: usize, observed: Observed, want: Want) {
        let Some((change, _)) = self.what(step) else { return };
        let address = change.address.clone();
        if let infra_provider_api::Readiness::Pending { reason } = &observed.readiness {
            self.env.waiting(&address, reason.clone());
        }
        self.wait(step, address, observed.id, want);
    }

    /// Returns the change and action of a step.
    pub(super) fn what(&self, step: usize) -> Option<(&'a Change, StepAction)> {
        match self.steps.steps[step] {
            Step::Do { change, action } => Some((&self.plan.changes[change], action)),
            Step::MachinesGone => None,
        }
    }

    fn done(&mut self, step: usize, observed: Option<Observed>) {
        self.queue.done(step);
        let Some((change, action)) = self.what(step) else { return };
        let counts = &mut self.outcome.counts;
        match action {
            StepAction::Create if change.action == Action::Replace => counts.replaced += 1,
            StepAction::Create => counts.created += 1,
            StepAction::Update => counts.updated += 1,
            StepAction::Resume => counts.resumed += 1,
            StepAction::Delete if change.action == Action::Replace => {}
            StepAction::Delete => counts.deleted += 1,
        }
        match observed {
            Some(observed) => {
                self.outputs.insert(change.address.clone(), observed.outputs);
            }
            None => {
                self.outputs.remove(&change.address);
            }
        }
        let (address, took_ms) = (change.address.clone(), self.took_ms(step));
        self.env.events.send(Event::StepDone { address, action, took_ms });
    }

    fn ended_badly(&mut self, step: usize, error: CallError) {
        match error {
            CallError::Cloud(error) => self.failed(step, error),
            CallError::Stopped => self.left(step),
            CallError::Journal(error) => {
                let cloud =
                    CloudError::new(ErrorKind::Local, "write the journal", error.to_string());
                let hint = error.hint();
                self.end(Stopped::Journal(error));
                self.failed(step, CloudError { hint, ..cloud });
            }
            CallError::Ambiguous { address, ids } => {
                let text = format!("it exists {} times: {}", ids.len(), ids.join(", "));
                let cloud = CloudError::new(ErrorKind::Local, format!("create {address}"), text)
                    .with_hint("delete the one that is not in use by hand, then apply again");
                self.end(Stopped::Ambiguous { address, ids });
                self.failed(step, cloud);
            }
        }
    }

    pub(super) fn failed(&mut self, step: usize, error: CloudError) {
        let skipped = self.queue.fail(step);
        let Some((change, action)) = self.what(step) else { return };
        let address = change.address.clone();
        self.outcome.counts.failed += 1;
        self.env.events.send(Event::StepFailed {
            address: address.clone(),
            action,
            error: StepError::from(&error),
            took_ms: self.took_ms(step),
        });
        let because = format!("{address} failed");
        self.outcome.failures.push(FailedStep { address, action, error });
        for step in skipped {
            self.skip(step, &because);
        }
        if !self.env.options.keep_going {
            self.end(Stopped::Failure);
        }
    }

    /// Leaves a step in the middle because the user stops. The next run resumes it.
    fn left(&mut self, step: usize) {
        let skipped = self.queue.fail(step);
        if let Some((change, _)) = self.what(step) {
            self.outcome.waiting.push(change.address.clone());
        }
        for step in skipped {
            self.skip(step, "stopped");
        }
    }

    pub(super) fn skip(&mut self, step: usize, because: &str) {
        let Some((change, action)) = self.what(step) else { return };
        if action == StepAction::Create {
            self.batches.arrived(change.address.kind());
        }
        self.outcome.counts.skipped += 1;
        let (address, because) = (change.address.clone(), because.to_owned());
        self.env.events.send(Event::StepSkipped {
            address: address.clone(),
            action,
            because: because.clone(),
        });
        self.outcome.skipped.push(SkippedStep { address, action, because });
    }

    pub(super) fn mark_started(&mut self, step: usize) {
        self.started[step] = Some(Instant::now());
    }

    fn took_ms(&self, step: usize) -> u64 {
        self.started[step].map_or(0, |started| millis(started.elapsed()))
    }
}

/// Waits for the looker's answer, and journals it.
pub(super) async fn wait(
    env: Arc<RunContext>,
    step: usize,
    address: Address,
    id: String,
    want: Want,
    answer: oneshot::Receiver<Result<Option<Observed>, CloudError>>,
) -> TaskResult {
    let answer = tokio::select! {
        answer = answer => answer,
        () = env.options.stop.cancelled() => return TaskResult::Wait(step, Err(CallError::Stopped)),
        () = env.cx.stop.cancelled() => return TaskResult::Wait(step, Err(CallError::Stopped)),
    };
    let answer = answer.unwrap_or_else(|_| {
        let operation = format!("wait for {address}");
        Err(CloudError::new(ErrorKind::Local, operation, "the looker of its kind ended"))
    });
    let entry = match (&answer, want) {
        (Ok(Some(observed)), _) => {
            Some(Entry::Ready { address, outputs: observed.outputs.clone() })
        }
        (Ok(None), _) => Some(Entry::Deleted { address, id }),
        (Err(error), Want::Gone) => Some(Entry::Failed {
            address,
            action: IntentAction::Delete,
            message: error.to_string(),
        }),
        (Err(_), Want::Ready | Want::ReadyAgain) => None,
    };
    let written = match entry {
        Some(entry) => env.store.append([entry]).await,
        None => Ok(()),
    };
    let result = match written {
        Ok(()) => answer.map(|observed| observed.map(Box::new)).map_err(CallError::Cloud),
        Err(error) => Err(CallError::Journal(error)),
    };
    TaskResult::Wait(step, result)
}
