//! `infra apps apply`

use std::time::Duration;

use clap::Args;

use super::{
    show::{Shown, exit_code, print_plan, refused},
    target::{ClusterArgs, SuiteArgs},
};
use crate::{
    apps::{ApplyOptions, Force, Inventory, PlanOptions, Protection, check_promotion, plan_with},
    cli::{confirm::confirm, global::Global, run::duration},
    session::{CliError, ExitCode},
};

/// Apply the suite: apply objects in order, wait for them, delete those that left the suite
///
/// Shows the plan and asks for confirmation. If it is interrupted or killed, run the same command
/// again and it resumes where it stopped.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
    /// Name the protected environment (or cluster) that is changed
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    /// Take over fields that belong to others: `--force` all of them, `--force=.spec.replicas`,
    /// `--force=Kind/name` or `--force=Kind/namespace/name:.spec.replicas` only those.
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = ALL)]
    force: Vec<String>,
    /// Recreate this object (Kind/name, Kind/namespace/name) if a field of it cannot be changed in
    /// place; may be given more than once
    #[arg(long, value_name = "OBJECT")]
    replace: Vec<String>,
    /// Delete this PersistentVolumeClaim, Namespace or CustomResourceDefinition, which left the
    /// suite; may be given more than once
    #[arg(long, value_name = "OBJECT")]
    prune: Vec<String>,
    /// Keep everything that left the suite.
    #[arg(long, conflicts_with = "prune")]
    no_prune: bool,
    /// Do not wait until all is ready; what others depend on is waited for all the same.
    #[arg(long)]
    no_wait: bool,
    /// Do not show the last line that a crashing container printed; it may be secret.
    #[arg(long)]
    no_container_logs: bool,
    /// The longest wait for one object.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// Objects sent at the same time.
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    parallelism: u16,
}

/// `--force` without a value.
const ALL: &str = "*";

impl ApplyArgs {
    fn force(&self) -> Force {
        match &self.force[..] {
            [] => Force::Never,
            names if names.iter().any(|name| name == ALL) => Force::Always,
            names => Force::Only(names.to_vec()),
        }
    }

    fn protection(&self) -> Protection {
        if self.prune.is_empty() {
            Protection::Keep
        } else {
            Protection::DeleteNamed(self.prune.clone())
        }
    }
}

/// Runs the verb.
pub async fn apply(global: &Global, args: &ApplyArgs) -> Result<ExitCode, CliError> {
    let chosen = args.suite.choose(global)?;
    let opened = args.cluster.open(global, &chosen, "apps apply").await?;
    let suite = chosen.load(global)?;
    let (force, protection) = (args.force(), args.protection());
    let inventory = Inventory::read(&opened.client, suite.name()).await?;
    let options = PlanOptions {
        // Nobody reads the plan first, so what is created need not be tried before.
        try_creates: !args.yes,
        replace: args.replace.clone(),
        protection: protection.clone(),
    };
    check_promotion(&opened.client, &suite).await?;
    let plan = plan_with(&opened.client, &suite, inventory.as_ref(), &options).await?;
    if !global.json {
        print_plan(global, &plan, false)?;
    }
    if let Some(failure) = refused(&plan, &force) {
        return Err(failure.hint("nothing was changed"));
    }
    if !plan.is_empty() {
        confirm(&chosen.consent(args.yes, args.confirm.as_deref()), "make these changes").await?;
    }
    let options = ApplyOptions {
        parallelism: usize::from(args.parallelism),
        timeout: args.timeout.unwrap_or(chosen.timeout),
        force,
        prune: !args.no_prune,
        protection,
        wait: !args.no_wait,
        replace: args.replace.clone(),
        container_logs: !args.no_container_logs,
        stop: opened.stop.clone(),
        ..ApplyOptions::default()
    };
    let (shown, events) = Shown::begin(global);
    let outcome = crate::apps::apply(&opened.client, &suite, &options, &events).await;
    shown.finish().await;
    let outcome = outcome?;
    exit_code(outcome, global)
}
