//! The run: one task that starts steps and takes in what comes of them.

use std::{collections::HashMap, future::Future, sync::Arc};

use infra_provider_api::{Address, CloudError, Context, ErrorKind, RawJson};
use tokio::{task::JoinSet, time::Instant};

use super::{
    ExecuteOptions, Outcome, Stopped,
    batch::Batches,
    queue::Queue,
    task::{CallError, RunContext, TaskResult},
    waiter::{Lookers, Want},
};
use crate::{
    events::{Event, Events, StepAction, millis},
    kinds::Kinds,
    plan::{Action, Plan, Step, Steps},
};
use infra_state::{
    journal::{Entry, Holder},
    store::{Store, StoreError},
};

/// Executes `plan` along the graph with no barriers, journaled, with at most `options.parallelism`
/// calls at a time. The lock must be held, and open intents [recovered](crate::recover()).
/// Progress that kinds report goes to `events`, too.
///
/// Dropping the future ends all tasks of the run; the next run resolves what was under way.
pub async fn execute(
    plan: &Plan,
    kinds: &Kinds,
    cx: &Context,
    store: &Arc<Store>,
    options: &ExecuteOptions,
    events: &Events,
) -> Outcome {
    let began = Instant::now();
    let mut cx = cx.clone();
    cx.progress = Arc::new(events.clone());
    let (options, store) = (options.clone(), Arc::clone(store));
    let env = Arc::new(RunContext { cx, store, options, events: events.clone() });
    let steps = match Steps::of(&plan.changes, &plan.options.machine_kinds) {
        Ok(steps) => steps,
        Err(error) => return unordered(&error.to_string()),
    };
    let mut run = Run::new(plan, kinds, env, &steps);
    events.send(Event::RunStarted { steps: run.doing() });
    match run.note_beginning().await {
        Ok(number) => {
            run.go().await;
            run.note_end(number).await;
        }
        Err(error) => run.end(Stopped::Journal(error)),
    }
    run.close();
    let mut outcome = run.outcome;
    outcome.took = began.elapsed();
    events.send(Event::RunFinished { counts: outcome.counts, took_ms: millis(outcome.took) });
    outcome
}

/// Reports a plan whose steps are in a circle. Only a plan file that was changed by hand can be.
fn unordered(reason: &str) -> Outcome {
    let name = "plan file".to_owned();
    let error = StoreError::Damaged { name, reason: reason.to_owned() };
    Outcome { stopped: Some(Stopped::Journal(error)), ..Outcome::default() }
}

pub(super) struct Run<'a> {
    pub plan: &'a Plan,
    pub kinds: &'a Kinds,
    pub env: Arc<RunContext>,
    pub steps: &'a Steps,
    pub queue: Queue,
    pub batches: Batches,
    pub outputs: HashMap<Address, RawJson>,
    pub started: Vec<Option<Instant>>,
    pub outcome: Outcome,
    /// Nothing new is started.
    pub stopping: bool,
    lookers: Lookers,
    tasks: JoinSet<TaskResult>,
    /// The steps of each task, and whether it holds a call slot.
    running: HashMap<tokio::task::Id, (Vec<usize>, bool)>,
    calls: usize,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, kinds: &'a Kinds, env: Arc<RunContext>, steps: &'a Steps) -> Self {
        let mut batches = Batches::new(env.options.batch_window);
        for step in &steps.steps {
            if let Step::Do { change, action: StepAction::Create } = step {
                batches.expect(plan.changes[*change].address.kind());
            }
        }
        let grace = env.options.unanswered_grace;
        Self {
            plan,
            kinds,
            queue: Queue::new(steps),
            batches,
            outputs: plan.known.clone().into_iter().collect(),
            started: vec![None; steps.steps.len()],
            outcome: Outcome::default(),
            stopping: false,
            lookers: Lookers::new(env.cx.clone(), env.events.clone(), grace, env.options.ready_max),
            tasks: JoinSet::new(),
            running: HashMap::new(),
            calls: 0,
            steps,
            env,
        }
    }

    fn doing(&self) -> usize {
        self.steps.steps.iter().filter(|step| matches!(step, Step::Do { .. })).count()
    }

    /// Records what needs no call at once, in one write. Returns the number of the run if it has
    /// anything to do.
    async fn note_beginning(&mut self) -> Result<Option<u64>, StoreError> {
        let mut entries = Vec::new();
        for change in &self.plan.changes {
            let counts = &mut self.outcome.counts;
            match change.action {
                Action::Forget => {
                    counts.forgotten += 1;
                    entries.push(Entry::Forgotten { address: change.address.clone() });
                }
                Action::Adopt => counts.adopted += 1,
                Action::NoOp => counts.unchanged += 1,
                _ => {}
            }
            if matches!(change.action, Action::Adopt | Action::NoOp | Action::Resume) {
                entries.extend(change.record.as_deref().cloned().map(Entry::Found));
            }
        }
        if entries.is_empty() && self.steps.steps.is_empty() {
            return Ok(None);
        }
        let run = self.env.store.state().run + 1;
        let verb = self.env.options.verb.clone();
        entries.insert(0, Entry::RunStarted { run, verb, by: Holder::this() });
        self.env.store.append(entries).await?;
        Ok(Some(run))
    }

    async fn note_end(&mut self, number: Option<u64>) {
        let Some(run) = number else { return };
        // A write that was cut off ends the journal for this process.
        if matches!(self.outcome.stopped, Some(Stopped::Journal(_) | Stopped::AtOnce)) {
            return;
        }
        let failed = self.outcome.failures.len();
        if let Err(error) = self.env.store.append([Entry::RunFinished { run, failed }]).await {
            self.outcome.unkept = Some(error);
            return;
        }
        if let Err(error) = self.env.store.compact_if_grown().await {
            // Everything is done and recorded; only the tidying up failed.
            self.env.events.send(Event::Note { text: error.to_string() });
        }
    }

    async fn go(&mut self) {
        loop {
            if !self.stopping {
                self.start_steps();
            }
            if self.tasks.is_empty() && (self.stopping || self.batches.is_empty()) {
                return;
            }
            self.lookers.set_alone(self.calls == 0);
            let due = if self.stopping { None } else { self.batches.next_due() };
            let (env, slots) = (Arc::clone(&self.env), self.slots());
            tokio::select! {
                biased;
                () = env.cx.stop.cancelled() => {
                    self.end(Stopped::AtOnce);
                    self.leave();
                    return;
                }
                () = env.options.stop.cancelled(), if !self.stopping => self.stop(),
                Some(joined) = self.tasks.join_next_with_id() => self.joined(joined),
                () = sleep_until(due), if due.is_some() && slots > 0 => {}
            }
        }
    }

    fn slots(&self) -> usize {
        self.env.options.parallelism.max(1).saturating_sub(self.calls)
    }

    fn start_steps(&mut self) {
        while !self.stopping && self.slots() > 0 {
            let idle = self.tasks.is_empty();
            if let Some(items) = self.batches.take_due(false) {
                self.send_batch(items);
            } else if let Some(step) = self.queue.pop() {
                self.begin(step);
            } else if idle && let Some(items) = self.batches.take_due(true) {
                self.send_batch(items);
            } else {
                return;
            }
        }
    }

    /// Spawns the call of these steps.
    pub(super) fn call(
        &mut self,
        steps: Vec<usize>,
        future: impl Future<Output = TaskResult> + Send + 'static,
    ) {
        self.calls += 1;
        let task = self.tasks.spawn(future);
        self.running.insert(task.id(), (steps, true));
    }

    /// Spawns a wait, which takes no call slot.
    pub(super) fn wait(&mut self, step: usize, address: Address, id: String, want: Want) {
        let Some(kind) = self.kinds.get(address.kind()) else { return };
        // What is deleted may be another one's second, whose address is not its own.
        let answer = self.lookers.watch(kind, address.clone(), id.clone(), want);
        let env = Arc::clone(&self.env);
        let task = self.tasks.spawn(super::completion::wait(env, step, address, id, want, answer));
        self.running.insert(task.id(), (vec![step], false));
    }

    fn joined(&mut self, joined: Result<(tokio::task::Id, TaskResult), tokio::task::JoinError>) {
        let id = match &joined {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let (steps, was_call) = self.running.remove(&id).unwrap_or_default();
        self.calls -= usize::from(was_call);
        match joined {
            Ok((_, finished)) => self.settle(finished),
            // A fault in a kind. Its intent stays open and is resolved by the next run.
            Err(error) => {
                let failure = CloudError::new(ErrorKind::Local, "run a step", error.to_string());
                for step in steps {
                    self.settle(TaskResult::Calls(vec![(
                        step,
                        Err(CallError::Cloud(failure.clone())),
                    )]));
                }
            }
        }
    }

    /// Handles the first Ctrl-C: nothing more is started.
    fn stop(&mut self) {
        let in_flight = self.in_flight();
        self.env.events.send(Event::Stopping { in_flight });
        self.end(Stopped::Asked);
    }

    fn in_flight(&self) -> Vec<Address> {
        let steps = self.running.values().filter(|(_, call)| *call).flat_map(|(steps, _)| steps);
        let mut addresses: Vec<Address> = steps
            .filter_map(|step| self.what(*step))
            .map(|(change, _)| change.address.clone())
            .collect();
        addresses.sort();
        addresses
    }

    /// Handles the second Ctrl-C: every task ends where it is.
    fn leave(&mut self) {
        let mut left: Vec<usize> =
            std::mem::take(&mut self.running).into_values().flat_map(|(steps, _)| steps).collect();
        left.sort_unstable();
        self.tasks.abort_all();
        for step in left {
            self.settle(TaskResult::Wait(step, Err(CallError::Stopped)));
        }
    }

    /// Starts nothing new from here. The first reason counts, but for one that is worse.
    pub(super) fn end(&mut self, why: Stopped) {
        self.stopping = true;
        let keeps = match (&self.outcome.stopped, &why) {
            (None, _) | (Some(Stopped::Asked | Stopped::Failure), Stopped::AtOnce) => false,
            (Some(_), Stopped::Journal(_) | Stopped::Ambiguous { .. }) => {
                matches!(
                    self.outcome.stopped,
                    Some(Stopped::Journal(_) | Stopped::Ambiguous { .. })
                )
            }
            (Some(_), _) => true,
        };
        if !keeps {
            self.outcome.stopped = Some(why);
        }
    }

    /// Skips the steps that never began.
    fn close(&mut self) {
        let waiting = self.batches.clear();
        let mut never: Vec<usize> = waiting.into_iter().map(|item| item.step).collect();
        never.extend(self.queue.close());
        for step in never {
            self.skip(step, "stopped");
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
