//! `infra apply`

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;

use super::{
    confirm::{Consent, confirm},
    destroy::delete_all,
    global::Global,
    plan::PartArgs,
    run::{Run, duration, exit_code},
};
use crate::{
    cluster::Shrinking,
    engine::{Outcome, Plan},
    session::{CliError, ExitCode, Observation, Planned, Session},
    ui::Style,
};

/// How a change is made.
#[derive(Clone, Debug, Args)]
pub struct ChangeArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
    /// Name the protected environment (or cluster) that is changed
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Make at most this many calls to the cloud at the same time
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub parallelism: u16,
    /// Wait this long for a lock that another run holds
    #[arg(long, default_value = "0s", value_name = "TIME", value_parser = duration)]
    pub lock_timeout: Duration,
    /// Wait at most this long for one resource to be ready
    ///
    /// Without it, each kind has its own limit (machines 10m, nodes 15m). The next run waits for
    /// what is not ready by then.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub ready_timeout: Option<Duration>,
}

impl ChangeArgs {
    pub(super) fn consent<'a>(&'a self, session: &'a Session) -> Consent<'a> {
        let cluster = &session.project.cluster;
        Consent {
            yes: self.yes,
            name: self.confirm.as_deref(),
            protected: cluster
                .protected
                .then(|| cluster.environment.as_deref().unwrap_or(&cluster.name)),
            stop: Some(&session.stop),
        }
    }
}

/// Create, change and delete resources until they match infra.toml
///
/// Shows the plan and asks for confirmation. If it is interrupted or killed, run the same command
/// again and it resumes where it stopped.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Apply this plan, saved by `infra plan -o FILE`, or refuse it if it is stale
    #[arg(value_name = "PLAN")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    part: PartArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs the verb.
pub async fn apply(global: &Global, args: &ApplyArgs) -> Result<ExitCode, CliError> {
    let run = Run::open(global, "apply").await?;
    run.print_origins(global.is_verbose());
    let _lock = run.lock("apply", args.change.lock_timeout).await?;
    run.recover().await?;
    let saved = args.plan.as_ref().map(|path| read_plan(&run, path)).transpose()?;
    let options = saved.as_ref().map_or_else(|| args.part.options(), |plan| plan.options.clone());
    let Planned { looked, plan } = run.plan(options).await?;
    if let Some(saved) = saved {
        saved
            .check_fresh(&looked.declared, &looked.observed, &run.session.record(&looked))
            .and_then(|()| saved.check_content(&plan))
            .map_err(|error| {
                CliError::new(ExitCode::Stale, error.to_string()).hint("plan again")
            })?;
    }
    if run.style != Style::Json || plan.is_empty() {
        run.print_plan(&plan, global.is_verbose())?;
    }
    let refreshes = plan.options.refresh_only && plan.changes.iter().any(|c| c.record.is_some());
    if plan.is_empty() && !refreshes {
        run.sweep(&looked).await;
        if run.style != Style::Json {
            print!("{}", super::status::report(&run.session, &looked, &[], None));
        }
        refuse_postponed(&looked)?;
        return Ok(ExitCode::Ok);
    }
    // A saved plan has been read by whoever gives it.
    let mut consent = args.change.consent(&run.session);
    consent.yes |= args.plan.is_some();
    if !plan.is_empty() {
        let what = if plan.options.refresh_only {
            "bring the state up to date"
        } else {
            "make these changes"
        };
        confirm(&consent, what).await?;
    }
    if plan.options.destroy && plan.options.targets.is_empty() {
        return delete_all(run, &plan, &looked, &args.change).await;
    }
    let outcome = run_plan(&run, &plan, &looked, &args.change).await;
    if outcome.is_complete() {
        run.session.end_replacements().await?;
    }
    let style = run.style;
    let Run { session, reporter, .. } = run;
    reporter.close().await;
    let code = exit_code(&outcome, style == Style::Json);
    if style != Style::Json && code == ExitCode::Ok {
        eprintln!("\nDone in {:.1} s.", outcome.took.as_secs_f64());
        let after = session.observe(crate::session::Purpose::Show).await?;
        print!("\n{}", super::status::report(&session, &after, &[], Some(&outcome)));
    }
    if code == ExitCode::Ok {
        refuse_postponed(&looked)?;
    }
    Ok(code)
}

/// Refuses to call complete what is not: a pool that the cloud was changing has more machines than it shall have.
fn refuse_postponed(looked: &Observation) -> Result<(), CliError> {
    let Some(Shrinking { pool, from, to }) = looked.postponed.first() else { return Ok(()) };
    let message = format!(
        "cannot make {pool} smaller: it keeps its {from} machines instead of {to} while the cloud changes it"
    );
    Err(CliError::new(ExitCode::Partly, message)
        .hint("wait until it is ready, and run the same command again"))
}

fn read_plan(run: &Run, path: &PathBuf) -> Result<Plan, CliError> {
    let bytes = std::fs::read(path)
        .map_err(|error| CliError::local(format!("{}: {error}", path.display())))
        .map_err(|failure| failure.hint("`infra plan -o FILE` makes one"))?;
    Plan::from_json(&bytes, &run.session.owner)
        .map_err(|error| CliError::new(ExitCode::Stale, format!("{}: {error}", path.display())))
        .map_err(|failure| failure.hint("nothing was done; `infra plan -o FILE` makes a new one"))
}

/// Executes a plan with what was looked at.
pub(super) async fn run_plan(
    run: &Run,
    plan: &Plan,
    looked: &Observation,
    change: &ChangeArgs,
) -> Outcome {
    let boot = looked.own.as_ref().map(|own| Arc::clone(&own.boot));
    let outcome = run.execute(plan, &looked.kinds, boot, change).await;
    run.report_denials(looked);
    run.sweep(looked).await;
    outcome
}
