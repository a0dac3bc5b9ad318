//! `infra apps`: the app suite alone, on any cluster. This file only declares and dispatches.

mod apply;
mod delete;
mod plan;
mod render;
mod restart;
mod show;
mod status;
mod target;

use clap::{Args, Subcommand};

pub(super) use target::ClusterArgs;

use super::global::Global;
use crate::session::{CliError, ExitCode};

/// The app suite alone: on the cluster of infra.toml, or on any kubeconfig.
///
/// The suite is that of [apps] in infra.toml, or `--base DIR` without any infra.toml. The cluster is
/// the one that infra.toml made (ssl/CLUSTER/kubeconfig), or what --kubeconfig and --context say,
/// else kubectl's own.
#[derive(Debug, Args)]
pub struct AppsArgs {
    #[command(subcommand)]
    verb: AppsVerb,
}

#[derive(Debug, Subcommand)]
enum AppsVerb {
    Plan(plan::PlanArgs),
    Apply(Box<apply::ApplyArgs>),
    Status(status::StatusArgs),
    Render(render::RenderArgs),
    Delete(delete::DeleteArgs),
    Restart(restart::RestartArgs),
}

/// Runs the verb.
pub async fn apps(global: &Global, args: AppsArgs) -> Result<ExitCode, CliError> {
    match args.verb {
        AppsVerb::Plan(args) => plan::plan(global, &args).await,
        AppsVerb::Apply(args) => apply::apply(global, &args).await,
        AppsVerb::Status(args) => status::status(global, &args).await,
        AppsVerb::Render(args) => render::render(global, &args),
        AppsVerb::Delete(args) => delete::delete(global, &args).await,
        AppsVerb::Restart(args) => restart::restart(global, &args).await,
    }
}
