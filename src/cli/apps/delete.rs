//! `infra apps delete`

use std::time::Duration;

use clap::Args;

use super::{
    show::{Shown, exit_code},
    target::{ClusterArgs, SuiteArgs},
};
use crate::{
    apps::{DeleteOptions, Inventory, Protection},
    cli::{confirm::confirm, global::Global, run::duration},
    session::{CliError, ExitCode},
};

/// Delete what the suite has put into the cluster, the last of the order first.
///
/// PersistentVolumeClaims, Namespaces and CustomResourceDefinitions are kept unless they are named
/// by --prune, or --all is given.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// Only these objects (Kind/name, Kind/namespace/name).
    #[arg(value_name = "OBJECT")]
    objects: Vec<String>,
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
    /// A protected object that goes, too; may be given more than once.
    #[arg(long, value_name = "OBJECT")]
    prune: Vec<String>,
    /// Protected objects go, too: with them the data of the apps.
    #[arg(long, conflicts_with = "prune")]
    all: bool,
    /// The longest wait until one object is gone.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration)]
    timeout: Duration,
}

/// Runs the verb.
pub async fn delete(global: &Global, args: &DeleteArgs) -> Result<ExitCode, CliError> {
    let chosen = args.suite.choose(global)?;
    let opened = args.cluster.open(global, &chosen, "apps delete").await?;
    let Some(inventory) = Inventory::read(&opened.client, &chosen.source.name).await? else {
        if !global.json {
            println!("The suite {} is not in this cluster.", chosen.source.name);
        }
        return Ok(ExitCode::Ok);
    };
    inventory.check_project(chosen.source.project.as_deref())?;
    for name in &args.objects {
        if !inventory.objects.iter().any(|id| id.is_named(name)) {
            return Err(CliError::new(
                ExitCode::Invalid,
                format!("the suite {} has put no {name} into this cluster", inventory.suite),
            )
            .hint("write Kind/name or Kind/namespace/name; `infra apps status` lists them"));
        }
    }
    let protection = if args.all {
        Protection::DeleteAll
    } else {
        // What is named at all is meant.
        Protection::DeleteNamed(args.prune.iter().chain(&args.objects).cloned().collect())
    };
    let is_chosen = |id: &&crate::apps::ObjectId| {
        args.objects.is_empty() || args.objects.iter().any(|name| id.is_named(name))
    };
    let (kept, going): (Vec<_>, Vec<_>) =
        inventory.objects.iter().filter(is_chosen).partition(|id| protection.keeps(id));
    if !global.json {
        going.iter().for_each(|id| println!("    - {id}"));
        kept.iter()
            .for_each(|id| println!("      {id}  (kept: name it with --prune, or give --all)"));
        println!("\n{} to delete, {} kept.", going.len(), kept.len());
    }
    if going.is_empty() {
        return Ok(ExitCode::Ok);
    }
    confirm(&chosen.consent(args.yes, args.confirm.as_deref()), "delete these objects").await?;
    let options = DeleteOptions {
        protection,
        timeout: args.timeout,
        only: args.objects.clone(),
        stop: opened.stop.clone(),
    };
    let (shown, events) = Shown::begin(global);
    let outcome = crate::apps::delete(&opened.client, &inventory, &options, &events).await;
    shown.finish().await;
    let outcome = outcome?;
    exit_code(outcome, global)
}
