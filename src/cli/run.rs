//! What plan, apply, destroy and rotate-node have in common: the lock, Ctrl-C, executing.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{cluster::KUBERNETES_KINDS, engine::recover::RecoverOptions};

use super::{apply::ChangeArgs, global::Global};
use crate::{
    engine::{
        Event, ExecuteOptions, Kinds, Outcome, Plan, PlanOptions, events::Events, execute,
        execute::Stopped, recover,
    },
    session::{
        CliError, ClusterLock, ExitCode, Observation, Planned, Purpose, Session, SuiteOptions,
        app_source,
    },
    state::{LockOptions, StoreError, lock::Lease, store::History},
    ui::{PlanView, Reporter, Style, alike, plan_text, signals_are_heard},
    visible::one_line,
};

/// A run with its display.
pub(super) struct Run {
    pub(super) session: Session,
    pub(super) reporter: Reporter,
    pub(super) style: Style,
    verb: String,
}

impl Run {
    /// Opens the session, prints the first line, and listens to Ctrl-C.
    pub(super) async fn open(global: &Global, verb: &str) -> Result<Self, CliError> {
        let style = Style::pick(global.json);
        let reporter = Reporter::start(style);
        let session = Session::open(&global.session(), Arc::new(reporter.events())).await?;
        if style != Style::Json {
            eprintln!("{}", session.banner(verb));
        }
        listen(session.stop.clone(), session.cx.stop.clone());
        Ok(Self { session, reporter, style, verb: verb.to_owned() })
    }

    /// Says where the variables of the apps come from.
    pub(super) fn print_origins(&self, verbose: bool) {
        let source = app_source(&self.session.project, &SuiteOptions::default());
        if let Some(line) = source.filter(|_| verbose).and_then(|source| source.origins_line())
            && self.style != Style::Json
        {
            eprintln!("{line}");
        }
    }

    /// Takes the cluster's lock; losing it stops the run.
    pub(super) async fn lock(
        &self,
        verb: &str,
        timeout: Duration,
    ) -> Result<ClusterLock, CliError> {
        let mut options = LockOptions::new(verb);
        options.timeout = timeout;
        let waiting = |lease: &Lease| {
            if self.style != Style::Json {
                let Lease { holder, verb, acquired_at, .. } = lease;
                let verb = one_line(verb);
                eprintln!(
                    "Waiting up to {} for the lock: held by {holder} ({verb}) since {}",
                    humantime::format_duration(timeout),
                    acquired_at.strftime("%Y-%m-%d %H:%M:%SZ")
                );
            }
        };
        let lock = self.session.lock(options, &waiting).await?;
        if let Some(before) = lock.taken_over()
            && self.style != Style::Json
        {
            let Lease { holder, verb, .. } = before;
            let verb = one_line(verb);
            eprintln!("Took over the lock of {holder} ({verb}): no sign of life any more.");
        }
        let (lost, session) = (lock.lost().clone(), &self.session);
        let (stop, leave) = (session.stop.clone(), session.cx.stop.clone());
        let store = Arc::clone(&session.store);
        tokio::spawn(async move {
            lost.cancelled().await;
            // Another run may be at work: what is under way is not waited for.
            if store.may_act().is_err() {
                leave.cancel();
            }
            stop.cancel();
        });
        Ok(lock)
    }

    /// Resolves what an earlier run left open.
    pub(super) async fn recover(&self) -> Result<(), CliError> {
        if self.session.store.state().intents.is_empty() {
            return Ok(());
        }
        let looked = self.session.observe(Purpose::Show).await?;
        let recovered = self.session.blamed(
            recover(
                &looked.kinds,
                &self.session.cx,
                &self.session.store,
                &RecoverOptions {
                    grace: self.session.grace(),
                    optional: KUBERNETES_KINDS.iter().map(|kind| (*kind).to_owned()).collect(),
                    unreachable: looked.observed.unreachable.keys().cloned().collect(),
                    stop: self.session.stop.clone(),
                },
                &self.reporter.events(),
            )
            .await
            .map_err(CliError::from),
        )?;
        if self.style != Style::Json {
            let list = |found: &[infra_provider_api::Address]| {
                found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            };
            if !recovered.found.is_empty() {
                eprintln!("An earlier run was cut off; found again: {}", list(&recovered.found));
            }
            if !recovered.gone.is_empty() {
                eprintln!(
                    "An earlier run was cut off; gone as it wanted: {}",
                    list(&recovered.gone)
                );
            }
            if !recovered.closed.is_empty() {
                eprintln!("An earlier run was cut off; had no effect: {}", list(&recovered.closed));
            }
        }
        Ok(())
    }

    /// Plans.
    pub(super) async fn plan(&self, options: PlanOptions) -> Result<Planned, CliError> {
        let planned = self.session.plan(options).await?;
        self.warn_unchecked(&planned.looked);
        Ok(planned)
    }

    /// Looks, and warns of what could not be checked.
    pub(super) async fn observe(&self, purpose: Purpose) -> Result<Observation, CliError> {
        let looked = self.session.observe(purpose).await?;
        self.warn_unchecked(&looked);
        Ok(looked)
    }

    fn warn_unchecked(&self, looked: &Observation) {
        for text in &looked.unchecked {
            eprintln!("warning: {text}");
        }
    }

    /// Prints a plan: text, or JSON.
    pub(super) fn print_plan(&self, plan: &Plan, verbose: bool) -> Result<(), CliError> {
        if self.style == Style::Json {
            let bytes = plan.to_json().map_err(CliError::local)?;
            exactln!("{}", String::from_utf8_lossy(&bytes).trim_end());
        } else {
            print!("{}", plan_text(plan, PlanView { verbose }));
        }
        Ok(())
    }

    /// Executes a plan.
    pub(super) async fn execute(
        &self,
        plan: &Plan,
        kinds: &Kinds,
        boot: Option<Arc<dyn infra_provider_api::MachineBoot>>,
        change: &ChangeArgs,
    ) -> Outcome {
        let mut cx = self.session.cx.clone();
        cx.boot = boot;
        cx.delete_zones = plan.options.delete_zones.clone().into();
        let options = ExecuteOptions {
            verb: self.verb.clone(),
            parallelism: usize::from(change.parallelism),
            ready_max: change.ready_timeout,
            unanswered_grace: self.session.grace(),
            stop: self.session.stop.clone(),
            ..ExecuteOptions::default()
        };
        let events: Events = self.reporter.events();
        let store = &self.session.store;
        let mut outcome = execute(plan, kinds, &cx, store, &options, &events).await;
        match self.session.lost() {
            Some(error) if !outcome.is_complete() => {
                outcome.stopped = Some(Stopped::Journal(error));
            }
            Some(error) => outcome.unkept = Some(error),
            None => {
                if let Err(error) = self.keep_history(&outcome).await {
                    outcome.unkept.get_or_insert(error);
                }
            }
        }
        if let Some(error) = outcome.unkept.as_ref().filter(|_| self.style == Style::Json) {
            self.reporter.events().send(Event::Note { text: unkept(error) });
        }
        outcome
    }

    /// Removes the secrets of machines that no longer boot. The lock must be held.
    pub(super) async fn sweep(&self, looked: &Observation) {
        // A run that was stopped at once, or lost its lock, must not change anything more.
        if self.session.cx.stop.is_cancelled() || self.session.may_act().is_err() {
            return;
        }
        if let Err(error) = self.session.sweep(looked).await {
            let text = format!("{error}; the next run tries it again");
            self.reporter.events().send(Event::Note { text });
        }
    }

    /// Reports the requests of kubelets that were denied, each with the reason.
    pub(super) fn report_denials(&self, looked: &Observation) {
        for text in looked.own.iter().flat_map(|own| own.approvals.remarks()) {
            self.reporter.events().send(Event::Note { text });
        }
    }

    /// Keeps what this run came to, for `infra state history`.
    async fn keep_history(&self, outcome: &Outcome) -> Result<(), StoreError> {
        let (store, project) = (&self.session.store, &self.session.project);
        let counts = &outcome.counts;
        let history = History::of(
            &self.verb,
            [counts.created, counts.updated, counts.replaced, counts.deleted],
            outcome.failures.len() + outcome.skipped.len(),
            project.cluster.environment.clone(),
            std::fs::read_to_string(&project.file).ok(),
        );
        store.keep_history(history).await
    }
}

fn unkept(error: &StoreError) -> String {
    format!("the end of this run is missing in the history: {error}")
}

/// Cancels `stop` at the first Ctrl-C (or SIGTERM), for an orderly end, and `leave` at the second.
pub(super) fn listen(stop: CancellationToken, leave: CancellationToken) {
    signals_are_heard();
    tokio::spawn(async move {
        for token in [stop, leave] {
            if interrupted().await.is_err() {
                return;
            }
            token.cancel();
        }
        // A third one must not be swallowed.
        if interrupted().await.is_ok() {
            std::process::exit(i32::from(ExitCode::Interrupted as u8));
        }
    });
}

pub(super) async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done,
        _ = terminate.recv() => Ok(()),
    }
}

/// Prints what went wrong in an outcome, and returns its exit code.
pub(super) fn exit_code(outcome: &Outcome, json: bool) -> ExitCode {
    if let Some(error) = outcome.unkept.as_ref().filter(|_| !json) {
        eprintln!("warning: {}", unkept(error));
    }
    if outcome.is_complete() {
        // Everything is done and recorded; a script must still hear that something is wrong.
        return match &outcome.unkept {
            Some(error) => CliError::from(error.clone()).code,
            None => ExitCode::Ok,
        };
    }
    let (code, words) = match &outcome.stopped {
        Some(Stopped::Asked | Stopped::AtOnce) => (
            ExitCode::Interrupted,
            "Stopped. Nothing is lost: run the same command again to resume.".to_owned(),
        ),
        Some(Stopped::Journal(error @ StoreError::Fenced { .. })) => {
            (ExitCode::Locked, format!("{error}. Nothing more was started."))
        }
        Some(Stopped::Journal(error)) => (
            ExitCode::State,
            format!("The journal can't be written, so nothing more was started: {error}"),
        ),
        Some(Stopped::Ambiguous { address, ids }) => (
            ExitCode::Partly,
            format!(
                "{address} exists twice ({}); delete the one that is not in use by hand, then run the same command again",
                ids.join(", ")
            ),
        ),
        Some(Stopped::Failure) | None => (
            ExitCode::Partly,
            format!(
                "{} failed, {} left out. What is done is recorded: remove the cause and run the same command again.",
                plural(outcome.failures.len(), "step"),
                outcome.skipped.len()
            ),
        ),
    };
    if !json {
        for failed in alike(&outcome.failures) {
            eprintln!("error: {}: {}", failed.first.address, failed.first.error);
            if let Some(rest) = failed.rest() {
                eprintln!("  {rest}");
            }
            if let Some(hint) = &failed.first.error.hint {
                eprintln!("  help: {hint}");
            }
        }
        eprintln!("{words}");
        if let Some(Stopped::Journal(error)) = &outcome.stopped
            && let Some(hint) = error.hint()
        {
            eprintln!("  help: {hint}");
        }
    }
    code
}

/// Writes a count with its noun: `1 step`, `2 steps`.
pub(super) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Parses `30s` or `5m` for clap.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write 30s, 5m or 1h"))
}
