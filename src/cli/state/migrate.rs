//! `infra state migrate`

use std::{sync::Arc, time::Duration};

use clap::Args;
use infra_provider_api::NoProgress;
use infra_sim::control;

use super::Global;
use crate::{
    cli::run::{duration, plural},
    config::{BucketConfig, Project},
    session::{CliError, Connected, ExitCode, sim},
    state::{
        LockOptions,
        home::Carried,
        remote::{Moved, StateBucket, bring_back, finish, send_off},
    },
    state_bucket::{self, Target},
};

#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    /// Move from this place, s3://bucket/prefix, instead of this machine
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// The store that --from is in, as `endpoint` of [state] names it.
    #[arg(long, value_name = "URL", requires = "from")]
    endpoint: Option<String>,
    /// The region that --from is in.
    #[arg(long, value_name = "NAME", requires = "from")]
    region: Option<String>,
    /// The account that owns the bucket of --from, where it is not that of the credentials.
    #[arg(long, value_name = "ID", requires = "from")]
    account: Option<String>,
    /// Trust a state that this recipient wrote; may be given more than once
    ///
    /// Needed with --from on a machine that has never seen the state.
    #[arg(long, value_name = "KEY", requires = "from")]
    recipient: Vec<String>,
    /// Wait this long for a lock that another run holds
    #[arg(long, default_value = "0s", value_name = "TIME", value_parser = duration)]
    lock_timeout: Duration,
}

pub(super) async fn migrate(global: &Global, args: &MigrateArgs) -> Result<ExitCode, CliError> {
    let mut lock = LockOptions::new("state migrate");
    lock.timeout = args.lock_timeout;
    let carried = carry_home(&global.project()?, &lock).await?;
    tell_carried(global, &carried);
    let mut project = global.project()?;
    if !carried.is_empty() && project.state.is_none() && args.from.is_none() {
        return Ok(ExitCode::Ok);
    }
    refuse_nowhere(&project, args)?;
    let options = global.session();
    let quiet = Arc::new(NoProgress);
    let connected = Connected::to(&mut project, &options, quiet).await?;
    let (layout, cluster) = (&connected.layout, &project.cluster.name);
    let open = |plan: BucketConfig| {
        let (project, cloud_env) = (&project, &connected.cloud_env);
        async move {
            let target = Target::connect(&plan, project, cloud_env).await?;
            target.make().await?;
            state_bucket::open(target, &plan, layout, cluster, connected.uuid).await
        }
    };
    match (&project.state, &args.from) {
        (Some(plan), None) => {
            let remote = open(plan.clone()).await?;
            let moved = send_off(layout, &remote, &lock).await?;
            tell(global, moved.as_ref(), remote.bucket.url(), &layout.state.display().to_string());
        }
        (None, Some(url)) => {
            let plan = elsewhere(url, args)?;
            let here = layout.state.display().to_string();
            let target = Target::connect(&plan, &project, &connected.cloud_env).await?;
            lock.lease = plan.lease;
            if let Some(deleted) = finish(layout, &target, cluster, &lock).await? {
                tell_finished(global, deleted, target.url(), &here);
                return Ok(ExitCode::Ok);
            }
            let remote = open(plan).await?;
            let moved = bring_back(layout, &remote, &lock).await?;
            tell(global, Some(&moved), &here, remote.bucket.url());
        }
        (None, None) | (Some(_), Some(_)) => {}
    }
    Ok(ExitCode::Ok)
}

/// Refuses a move that leads nowhere, before any cloud is asked.
fn refuse_nowhere(project: &Project, args: &MigrateArgs) -> Result<(), CliError> {
    match (&project.state, &args.from) {
        (None, None) => Err(CliError::new(
            ExitCode::Usage,
            "infra.toml keeps the state on this machine, and that is where it is",
        )
        .hint("to move it to a bucket, add [state] with backend = \"s3://bucket/prefix\" first")
        .hint("to move it back, remove [state] and give --from s3://bucket/prefix")),
        (Some(_), Some(_)) => Err(CliError::new(
            ExitCode::Usage,
            "cannot move the state from one bucket to another: it goes over this machine",
        )
        .hint("first without [state] and with --from, then with the new [state]")),
        _ => Ok(()),
    }
}

/// Moves what an earlier version has left in the current folder to where it belongs.
async fn carry_home(project: &Project, lock: &LockOptions) -> Result<Carried, CliError> {
    let Some(moving) = project.home.moving(&project.cluster.name, lock).await? else {
        return Ok(Carried::new());
    };
    if let Some(sim) = moving.sim()? {
        // It comes along, and can't while it runs. The next run starts it again.
        control::stop(&sim).await.map_err(sim::failed)?;
    }
    Ok(moving.carry()?)
}

fn tell_carried(global: &Global, carried: &Carried) {
    if global.json && !carried.is_empty() {
        exactln!("{}", serde_json::json!({ "moved": carried }));
        return;
    }
    for (from, to) in carried {
        println!("Moved {} to {}.", from.display(), to.display());
    }
}

/// Makes the plan of a bucket that infra.toml no longer names.
fn elsewhere(url: &str, args: &MigrateArgs) -> Result<BucketConfig, CliError> {
    let (bucket, prefix) =
        BucketConfig::parse_url(url).map_err(|why| CliError::new(ExitCode::Usage, why))?;
    Ok(BucketConfig {
        bucket,
        prefix,
        endpoint: args.endpoint.clone(),
        region: args.region.clone(),
        account: args.account.clone(),
        recipients: args.recipient.clone(),
        identity: None,
        lease: Duration::from_secs(60),
    })
}

fn tell_finished(global: &Global, deleted: usize, from: &str, to: &str) {
    if global.json {
        exactln!("{}", serde_json::json!({"to": to, "deleted": deleted}));
    } else {
        let deleted = plural(deleted, "object");
        println!("Finished the move to {to}: {deleted} deleted from {from}.");
    }
}

fn tell(global: &Global, moved: Option<&Moved>, to: &str, from: &str) {
    if global.json {
        exactln!("{}", serde_json::json!({"to": to, "moved": moved}));
        return;
    }
    let Some(moved) = moved else {
        println!("{to} is ready; {from} has no state to move.");
        return;
    };
    for piece in &moved.pieces {
        println!("  same  {}  {}", &piece.sum[..16], piece.name);
    }
    println!(
        "Moved {} and {} to {to}; all read back and compared, then deleted from {from}.",
        plural(moved.resources, "resource"),
        plural(moved.pieces.len(), "piece")
    );
}
