//! `infra destroy`

use clap::Args;
use infra_provider_api::Address;

use super::{
    apply::{ChangeArgs, run_plan},
    confirm::confirm,
    global::Global,
    run::{Run, exit_code},
};
use crate::{
    cluster::Suites,
    engine::{Change, Outcome, Plan, PlanOptions, events::Event, execute::Stopped},
    session::{CliError, ExitCode, Observation, Planned},
    ui::Style,
};

/// Delete everything the cluster owns, including what Kubernetes created in the cloud
#[derive(Debug, Args)]
pub struct DestroyArgs {
    #[command(flatten)]
    change: ChangeArgs,
    /// Delete this DNS zone even if it holds records that are not this cluster's; may be given more
    /// than once.
    #[arg(long, value_name = "ZONE")]
    delete_zone: Vec<String>,
}

/// Reports whether Kubernetes may make something in the cloud while the plan is executed: its machines
/// run, and it knows the cloud.
fn may_make_more(run: &Run, plan: &Plan) -> bool {
    let session = &run.session;
    let machine_kind = session.machines_go_with();
    let machines = plan.changes.iter().any(|one| one.address.kind() == machine_kind);
    let record = session.store.state();
    let knows = record.resources.contains_key(&Suites::address("cloud"))
        || session.cloud.plane.managed().is_some();
    machines && (knows || plan.changes.iter().any(|one| one.after_machines))
}

/// Returns what of a plan is carried out before it looks for what Kubernetes made meanwhile. A cloud that runs the
/// control plane leaves things of its controllers in the network, which then can't be deleted: that waits for the
/// second look. Machines of one's own take their controllers with them.
fn first_part(run: &Run, plan: &Plan, may_make_more: bool) -> Plan {
    let session = &run.session;
    match session.cloud.plane.managed() {
        Some(_) if may_make_more => plan.until_gone(session.machines_go_with()),
        _ => plan.clone(),
    }
}

/// Deletes what Kubernetes made while its machines were going: until the last one is gone it may make
/// disks and load balancers, and a list may lag behind that. With it goes what of `whole` is not in `first`.
async fn delete_late(
    run: &Run,
    change: &ChangeArgs,
    [whole, first]: [&Plan; 2],
    options: PlanOptions,
    outcome: &mut Outcome,
) -> Result<(), CliError> {
    let session = &run.session;
    let note = |text: String| run.reporter.events().send(Event::Note { text });
    note("looking whether Kubernetes made more in the cloud meanwhile".to_owned());
    tokio::select! {
        () = tokio::time::sleep(session.grace()) => {}
        () = session.stop.cancelled() => {
            outcome.stopped = Some(Stopped::Asked);
            return Ok(());
        }
    }
    let Planned { looked, mut plan } = run.plan(options).await?;
    let is_late = |one: &Change| {
        one.after_machines && whole.changes.iter().all(|known| known.address != one.address)
    };
    let late: Vec<&Change> = plan.changes.iter().filter(|one| is_late(one)).collect();
    let waits = |one: &&Change| first.changes.iter().all(|other| other.address != one.address);
    let waiting: Vec<&Change> = whole.changes.iter().filter(waits).collect();
    if late.is_empty() && waiting.is_empty() {
        return Ok(());
    }
    for one in late {
        note(format!("{}: {}", one.address, one.reason.as_deref().unwrap_or_default()));
    }
    // What failed before, or was left out for it, is tried again: a network goes only after what is in it.
    let failed = outcome.failures.iter().map(|one| &one.address);
    let skipped = outcome.skipped.iter().map(|one| &one.address);
    let waiting = waiting.iter().map(|one| &one.address);
    let left: Vec<Address> = failed.chain(skipped).chain(waiting).cloned().collect();
    plan.changes.retain(|one| is_late(one) || left.contains(&one.address));
    let before = std::mem::take(outcome);
    *outcome = run_plan(run, &plan, &looked, change).await;
    outcome.counts.deleted += before.counts.deleted;
    outcome.counts.forgotten += before.counts.forgotten;
    outcome.took += before.took;
    // What is not in the second plan any more went by itself; else it is not forgotten.
    let is_open = |address: &Address| {
        looked.observed.get(address).is_some()
            && plan.changes.iter().all(|change| change.address != *address)
    };
    outcome.failures.extend(before.failures.into_iter().filter(|one| is_open(&one.address)));
    outcome.skipped.extend(before.skipped.into_iter().filter(|one| is_open(&one.address)));
    Ok(())
}

/// Runs the verb.
pub async fn destroy(global: &Global, args: &DestroyArgs) -> Result<ExitCode, CliError> {
    let run = Run::open(global, "destroy").await?;
    let _lock = run.lock("destroy", args.change.lock_timeout).await?;
    run.recover().await?;
    let delete_zones = args.delete_zone.clone();
    let options = PlanOptions { destroy: true, delete_zones, ..PlanOptions::default() };
    let Planned { looked, plan } = run.plan(options).await?;
    if run.style != Style::Json || plan.is_empty() {
        run.print_plan(&plan, false)?;
    }
    if plan.is_empty() {
        run.sweep(&looked).await;
        return Ok(ExitCode::Ok);
    }
    confirm(&args.change.consent(&run.session), "delete all this").await?;
    delete_all(run, &plan, &looked, &args.change).await
}

/// Carries out a plan that deletes everything, and forgets what only a cluster needs: also one that was
/// saved.
pub(super) async fn delete_all(
    run: Run,
    plan: &Plan,
    looked: &Observation,
    change: &ChangeArgs,
) -> Result<ExitCode, CliError> {
    let may_make_more = may_make_more(&run, plan);
    run.session.remember_volumes(looked).await?;
    let first = first_part(&run, plan, may_make_more);
    let mut outcome = run_plan(&run, &first, looked, change).await;
    let options = plan.options.clone();
    if may_make_more
        && outcome.stopped.is_none()
        && let Err(failure) = delete_late(&run, change, [plan, &first], options, &mut outcome).await
    {
        run.reporter.close().await;
        exit_code(&outcome, run.style == Style::Json);
        return Err(failure.hint("run `infra destroy` again"));
    }
    let Run { session, reporter, style, .. } = run;
    reporter.close().await;
    let code = exit_code(&outcome, style == Style::Json);
    if code == ExitCode::Ok {
        session.forget_rotations().await?;
        if style != Style::Json {
            let kept: Vec<String> = plan.kept.iter().map(ToString::to_string).collect();
            let left = if kept.is_empty() {
                format!("Nothing of {} is left.", session.project.cluster.name)
            } else {
                format!("Left: {}.", kept.join(", "))
            };
            eprintln!(
                "\nDeleted {} in {:.1} s. {left}",
                super::run::plural(outcome.counts.deleted, "resource"),
                outcome.took.as_secs_f64(),
            );
        }
    }
    Ok(code)
}
