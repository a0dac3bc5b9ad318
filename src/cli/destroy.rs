//! `infra destroy`

use clap::Args;

use super::{
    apply::{ChangeArgs, run_plan},
    confirm::confirm,
    global::Global,
    run::{Run, verdict},
};
use crate::{
    engine::PlanOptions,
    session::{ExitCode, Failure, Planned},
    ui::Style,
};

/// Delete everything the cluster owns, also what Kubernetes made in the cloud.
#[derive(Debug, Args)]
pub struct DestroyArgs {
    #[command(flatten)]
    change: ChangeArgs,
    /// Delete this DNS zone even if it holds records that are not this cluster's; may be given more
    /// than once.
    #[arg(long, value_name = "ZONE")]
    delete_zone: Vec<String>,
}

/// Runs the verb.
pub async fn destroy(global: &Global, args: &DestroyArgs) -> Result<ExitCode, Failure> {
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
    let outcome = run_plan(&run, &plan, &looked, &args.change).await;
    let Run { session, reporter, style, .. } = run;
    reporter.close().await;
    let code = verdict(&outcome, style == Style::Json);
    if code == ExitCode::Ok {
        let rotations = session.places.record.join("rotations.json");
        if rotations.exists() {
            std::fs::remove_file(&rotations).map_err(Failure::local)?;
        }
        session.keep().await?;
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
