//! `infra plan`

use std::path::PathBuf;

use clap::Args;
use infra_provider_api::{Address, Phase};

use super::{global::Global, run::Run};
use crate::{
    engine::PlanOptions,
    session::{CliError, ExitCode},
};

/// Which part of the cluster a plan is about.
#[derive(Clone, Debug, Default, Args)]
pub struct PartArgs {
    /// Limit the plan to this resource and what it needs; may be given more than once
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<Address>,
    /// Recreate this resource even if it has not changed; may be given more than once
    #[arg(long, value_name = "ADDRESS")]
    pub replace: Vec<Address>,
    /// Accept that the data of this control plane's etcd is lost; may be given more than once.
    ///
    /// Without it, no plan deletes the last control plane. With it, and --replace of the machine,
    /// the cluster is made again, empty, with every machine.
    #[arg(long, value_name = "NODE")]
    pub confirm_data_loss: Vec<String>,
    /// Update the state to match the real resources and report drift, without changing any resource
    #[arg(long, conflicts_with = "replace")]
    pub refresh_only: bool,
    /// Delete this DNS zone even if it holds records that are not this cluster's; may be given more
    /// than once.
    #[arg(long, value_name = "ZONE")]
    pub delete_zone: Vec<String>,
    /// Stop after this phase
    #[arg(long, value_enum, default_value = "apps")]
    pub phase: PhaseArg,
}

/// A phase on the command line.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum PhaseArg {
    /// Cloud resources, certificates, artifacts.
    Infra,
    /// … and nodes that have joined, network plugin, cloud controllers.
    Bootstrap,
    /// … and the apps, and DNS pointing at them.
    #[default]
    Apps,
}

impl PartArgs {
    pub(super) fn options(&self) -> PlanOptions {
        PlanOptions {
            targets: self.target.clone(),
            replace: self.replace.clone(),
            may_lose: self.confirm_data_loss.clone(),
            refresh_only: self.refresh_only,
            delete_zones: self.delete_zone.clone(),
            phase: match self.phase {
                PhaseArg::Infra => Phase::Infra,
                PhaseArg::Bootstrap => Phase::Bootstrap,
                PhaseArg::Apps => Phase::Apps,
            },
            ..PlanOptions::default()
        }
    }
}

/// Show what apply would change. Changes nothing.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    part: PartArgs,
    /// Plan to delete everything the cluster owns.
    #[arg(long, conflicts_with = "refresh_only")]
    destroy: bool,
    /// Save the plan for `infra apply FILE`, which refuses it if anything has changed since
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 0 when there are no changes, 1 on errors, 2 when there are changes.
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Runs the verb.
pub async fn plan(global: &Global, args: &PlanArgs) -> Result<ExitCode, CliError> {
    let done = plan_inner(global, args).await;
    match done {
        // With this flag scripts tell three outcomes apart, and every error is a 1.
        Err(mut failure) if args.detailed_exitcode => {
            failure.code = ExitCode::Failed;
            Err(failure)
        }
        other => other,
    }
}

async fn plan_inner(global: &Global, args: &PlanArgs) -> Result<ExitCode, CliError> {
    let run = Run::open(global, "plan").await?;
    run.print_origins(global.is_verbose());
    let mut options = args.part.options();
    options.destroy = args.destroy;
    let planned = run.plan(options).await?;
    run.print_plan(&planned.plan, global.is_verbose())?;
    if let Some(path) = &args.out {
        let bytes = planned.plan.to_json().map_err(CliError::local)?;
        infra_ssl::files::write_atomic(path, &bytes, infra_ssl::files::SECRET_MODE)
            .map_err(CliError::local)?;
        if !global.json {
            eprintln!("Saved. `infra apply {}` does exactly this.", path.display());
        }
    }
    if args.detailed_exitcode && !planned.plan.is_empty() {
        return Ok(ExitCode::Changes);
    }
    Ok(ExitCode::Ok)
}
