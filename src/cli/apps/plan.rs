//! `infra apps plan`

use clap::Args;

use super::{
    show::{print_plan, refused},
    target::{ClusterArgs, SuiteArgs},
};
use crate::{
    apps::{Inventory, PlanOptions, check_promotion, plan_with},
    cli::global::Global,
    session::{CliError, ExitCode},
};

/// Show what apply would change, object by object and field by field. Changes nothing.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Exit with 0 when there are no changes, 1 on errors, 2 when there are changes.
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Runs the verb.
pub async fn plan(global: &Global, args: &PlanArgs) -> Result<ExitCode, CliError> {
    match plan_inner(global, args).await {
        Err(mut failure) if args.detailed_exitcode => {
            failure.code = ExitCode::Failed;
            Err(failure)
        }
        other => other,
    }
}

async fn plan_inner(global: &Global, args: &PlanArgs) -> Result<ExitCode, CliError> {
    let chosen = args.suite.choose(global)?;
    let opened = args.cluster.open(global, &chosen, "apps plan").await?;
    let suite = chosen.load(global)?;
    check_promotion(&opened.client, &suite).await?;
    let inventory = Inventory::read(&opened.client, suite.name()).await?;
    let options = PlanOptions::default();
    let plan = plan_with(&opened.client, &suite, inventory.as_ref(), &options).await?;
    print_plan(global, &plan, global.is_verbose())?;
    if let Some(failure) = refused(&plan, &crate::apps::Force::Always) {
        return Err(failure);
    }
    if args.detailed_exitcode && !plan.is_empty() {
        return Ok(ExitCode::Changes);
    }
    Ok(ExitCode::Ok)
}
