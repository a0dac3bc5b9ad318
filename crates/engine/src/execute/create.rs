//! Creating, several in one call where the cloud can.

use std::sync::Arc;

use infra_provider_api::{CloudError, CreateRequest, ErrorKind, Kind, Observed, Readiness};

use super::{
    fence,
    retry::{self, Tries},
    task::{CallError, CallOutcome, RunContext, TaskResult, intent},
    unanswered::{LookupError, LostCreate, look_for},
};
use crate::events::StepAction;
use infra_state::{IntentAction, ResourceState, journal::Entry};

/// One create.
pub(super) struct Item {
    pub step: usize,
    pub request: CreateRequest,
    /// What the state will say.
    pub record: ResourceState,
    /// The one that was deleted before, in a replacement.
    pub before: Option<String>,
}

/// Creates all of `items` in as few calls as it takes.
pub(super) async fn create(
    env: Arc<RunContext>,
    kind: Arc<dyn Kind>,
    items: Vec<Item>,
) -> TaskResult {
    let intents = items.iter().map(|item| {
        let key = Some(item.request.intent_key.clone());
        Entry::Intent(intent(IntentAction::Create, key, item.record.clone()))
    });
    let intents: Vec<Entry> = intents.collect();
    if let Err(error) = env.store.append(intents).await {
        let all = items.iter().map(|item| (item.step, Err(CallError::Journal(error.clone()))));
        return TaskResult::Calls(all.collect());
    }
    for item in &items {
        env.started(&item.request.address, StepAction::Create);
    }
    let tries = Tries::new(env.options.retry, kind.waits().ready);
    let mut creating = Creating { env: &env, kind: &*kind, tries, results: Vec::new() };
    let mut todo: Vec<Open> = items.into_iter().map(|item| Open { item, lost: false }).collect();
    while !todo.is_empty() {
        todo = creating.round(todo).await;
    }
    TaskResult::Calls(creating.results)
}

/// A create that is not over yet.
struct Open {
    item: Item,
    /// Whether an earlier call got no answer.
    lost: bool,
}

struct Creating<'a> {
    env: &'a RunContext,
    kind: &'a dyn Kind,
    tries: Tries,
    results: Vec<(usize, Result<CallOutcome, CallError>)>,
}

impl Creating<'_> {
    /// Makes one call and handles its answers. Returns the creates that are to be tried again.
    async fn round(&mut self, open: Vec<Open>) -> Vec<Open> {
        let requests: Vec<CreateRequest> =
            open.iter().map(|open| open.item.request.clone()).collect();
        // Since the intents the process may have slept past its lease, and may yet.
        let answers = tokio::select! {
            biased;
            error = fence::lost(&self.env.store) => {
                let lost = |open: Open| (open.item.step, Err(CallError::Journal(error.clone())));
                self.results.extend(open.into_iter().map(lost));
                return Vec::new();
            }
            answers = self.kind.create(&self.env.cx, &requests) => answers,
            () = self.env.cx.stop.cancelled() => return self.stopped(open),
        };
        let mut answers = answers.into_iter();
        let (mut made, mut failed, mut lost, mut again) = (vec![], vec![], vec![], vec![]);
        for mut open in open {
            match answers.next().unwrap_or_else(|| Err(unanswered(&open.item.request))) {
                Ok(observed) => made.push((open.item, observed)),
                Err(error) if error.kind == ErrorKind::Cancelled => {
                    self.results.push((open.item.step, Err(CallError::Stopped)));
                }
                // After a call without an answer, a taken name may well be taken by what it made.
                Err(error) if error.is_uncertain() || (open.lost && taken(&error)) => {
                    open.lost = true;
                    lost.push((open, error));
                }
                Err(error) if error.is_transient() => again.push((open, error)),
                Err(error) => failed.push((open.item, error)),
            }
        }
        self.find(lost, &mut made, &mut again).await;
        self.record_made(made).await;
        let todo = self.pause(again, &mut failed).await;
        self.record_failed(failed).await;
        todo
    }

    fn stopped(&mut self, open: Vec<Open>) -> Vec<Open> {
        self.results.extend(open.into_iter().map(|open| (open.item.step, Err(CallError::Stopped))));
        Vec::new()
    }

    /// Looks for what a call without an answer may have made.
    async fn find(
        &mut self,
        lost: Vec<(Open, CloudError)>,
        made: &mut Vec<(Item, Observed)>,
        again: &mut Vec<(Open, CloudError)>,
    ) {
        if lost.is_empty() {
            return;
        }
        for (open, error) in &lost {
            let reason = format!("{}; looking whether it was created", error.message);
            self.env.waiting(&open.item.request.address, reason);
        }
        let sought: Vec<LostCreate> = lost.iter().map(|(open, _)| open.item.sought()).collect();
        let options = &self.env.options;
        let found =
            look_for(self.kind, &self.env.cx, &options.stop, &sought, options.unanswered_grace);
        match found.await {
            Ok(mut found) => {
                for (open, error) in lost {
                    match found.remove(&open.item.request.address) {
                        Some(observed) => made.push((open.item, observed)),
                        None => again.push((open, error)),
                    }
                }
            }
            Err(unclear) => {
                let error = CallError::from(unclear);
                let all = lost.into_iter().map(|(open, _)| (open.item.step, Err(error.clone())));
                self.results.extend(all);
            }
        }
    }

    async fn record_made(&mut self, made: Vec<(Item, Observed)>) {
        if made.is_empty() {
            return;
        }
        let entries =
            made.iter().map(|(item, observed)| Entry::Created(item.record.clone().seen(observed)));
        let entries: Vec<Entry> = entries.collect();
        let written = self.env.store.append(entries).await;
        for (item, observed) in made {
            let result = match &written {
                Err(error) => Err(CallError::Journal(error.clone())),
                Ok(()) if observed.readiness == Readiness::Ready => {
                    Ok(CallOutcome::Ready(observed))
                }
                Ok(()) => Ok(CallOutcome::Pending(observed)),
            };
            self.results.push((item.step, result));
        }
    }

    /// Waits for the longest pause that any of them needs; what may not be tried again, failed.
    async fn pause(
        &mut self,
        again: Vec<(Open, CloudError)>,
        failed: &mut Vec<(Item, CloudError)>,
    ) -> Vec<Open> {
        let longest = again.iter().max_by_key(|(_, error)| error.retry_after);
        let Some((_, error)) = longest else { return Vec::new() };
        let error = error.clone();
        // It was looked for and not found: repeating is safe.
        let Some(pause) = self.tries.again(&error, true) else {
            failed.extend(again.into_iter().map(|(open, error)| (open.item, error)));
            return Vec::new();
        };
        for (open, error) in &again {
            self.env.waiting(&open.item.request.address, retry::reason(error, pause));
        }
        if retry::pause(self.env, pause).await {
            return again.into_iter().map(|(open, _)| open).collect();
        }
        failed.extend(again.into_iter().map(|(open, error)| (open.item, error)));
        Vec::new()
    }

    async fn record_failed(&mut self, failed: Vec<(Item, CloudError)>) {
        if failed.is_empty() {
            return;
        }
        let entries = failed.iter().map(|(item, error)| Entry::Failed {
            address: item.request.address.clone(),
            action: IntentAction::Create,
            message: error.to_string(),
        });
        let entries: Vec<Entry> = entries.collect();
        let written = self.env.store.append(entries).await;
        for (item, error) in failed {
            let error = match &written {
                Ok(()) => CallError::Cloud(error),
                Err(error) => CallError::Journal(error.clone()),
            };
            self.results.push((item.step, Err(error)));
        }
    }
}

impl Item {
    fn sought(&self) -> LostCreate {
        LostCreate {
            address: self.request.address.clone(),
            key: self.request.intent_key.clone(),
            not: self.before.clone(),
        }
    }
}

impl From<LookupError> for CallError {
    fn from(unclear: LookupError) -> Self {
        match unclear {
            LookupError::Cloud(error) => Self::Cloud(error),
            LookupError::Ambiguous { address, ids } => Self::Ambiguous { address, ids },
            LookupError::Stopped => Self::Stopped,
        }
    }
}

fn taken(error: &CloudError) -> bool {
    matches!(error.kind, ErrorKind::NameTaken | ErrorKind::Invalid)
}

fn unanswered(request: &CreateRequest) -> CloudError {
    let operation = format!("create {}", request.address);
    CloudError::new(ErrorKind::Unanswered, operation, "the answer says nothing about it")
}
