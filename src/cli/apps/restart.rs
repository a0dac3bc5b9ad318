//! `infra apps restart`

use std::time::Duration;

use clap::Args;

use super::{
    show::{Shown, exit_code},
    target::{ClusterArgs, SuiteArgs},
};
use crate::{
    apps::ApplyOptions,
    cli::{confirm::confirm, global::Global, run::duration},
    session::{CliError, ExitCode},
};

/// Restart the suite's pods in order, waiting for each workload
///
/// Use it for images that change behind the same tag (imagePullPolicy Always).
#[derive(Debug, Args)]
pub struct RestartArgs {
    /// Only these (Kind/name, Kind/namespace/name): Deployments, StatefulSets, DaemonSets.
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
    /// Do not show the last line that a crashing container printed; it may be secret.
    #[arg(long)]
    no_container_logs: bool,
    /// The longest wait for one object.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
}

/// Runs the verb.
pub async fn restart(global: &Global, args: &RestartArgs) -> Result<ExitCode, CliError> {
    let chosen = args.suite.choose(global)?;
    let opened = args.cluster.open(global, &chosen, "apps restart").await?;
    let suite = chosen.load(global)?;
    for name in &args.objects {
        if !suite.objects().iter().any(|object| object.id.is_named(name)) {
            return Err(CliError::new(ExitCode::Invalid, format!("the suite has no {name}"))
                .hint("write Kind/name or Kind/namespace/name"));
        }
    }
    confirm(&chosen.consent(args.yes, args.confirm.as_deref()), "restart these pods").await?;
    let options = ApplyOptions {
        timeout: args.timeout.unwrap_or(chosen.timeout),
        container_logs: !args.no_container_logs,
        stop: opened.stop.clone(),
        ..ApplyOptions::default()
    };
    let (shown, events) = Shown::begin(global);
    let at = jiff::Timestamp::now().to_string();
    let outcome =
        crate::apps::restart(&opened.client, &suite, &args.objects, at, &options, &events).await;
    shown.finish().await;
    let outcome = outcome?;
    let count = outcome.applied.len();
    let code = exit_code(outcome, global)?;
    if !global.json {
        println!("{count} restarted.");
    }
    Ok(code)
}
