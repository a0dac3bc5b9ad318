//! `infra state migrate`

use std::{sync::Arc, time::Duration};

use clap::Args;
use infra_provider_api::NoProgress;

use super::Global;
use crate::{
    cli::run::{duration, plural},
    engine::LockOptions,
    remote::{Moved, RemoteRecord, Target, bring_back, finish, send_off},
    session::{Connected, ExitCode, Failure},
    spec::BucketPlan,
};

#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    /// Where the record is now: s3://bucket/prefix. Default: this machine.
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
    /// Who wrote the record that --from names: a recipient of its [state]. Needed on a machine that
    /// has never seen it; may be given more than once.
    #[arg(long, value_name = "KEY", requires = "from")]
    recipient: Vec<String>,
    /// How long to wait for a lock that somebody else holds.
    #[arg(long, default_value = "0s", value_name = "TIME", value_parser = duration)]
    lock_timeout: Duration,
}

pub(super) async fn migrate(global: &Global, args: &MigrateArgs) -> Result<ExitCode, Failure> {
    let mut project = global.project()?;
    let options = global.session();
    let quiet = Arc::new(NoProgress);
    let connected = Connected::to(&mut project, &options, quiet).await?;
    let mut lock = LockOptions::new("state migrate");
    lock.timeout = args.lock_timeout;
    let (places, cluster) = (&connected.places, &project.cluster.name);
    let open = |plan: BucketPlan| {
        let (project, surroundings) = (&project, &connected.surroundings);
        async move {
            let target = Target::connect(&plan, project, surroundings).await?;
            target.make().await?;
            RemoteRecord::open(target, &plan, places, cluster, connected.uuid).await
        }
    };
    match (&project.state, &args.from) {
        (Some(plan), None) => {
            let remote = open(plan.clone()).await?;
            let moved = send_off(places, &remote, &lock).await?;
            tell(global, moved.as_ref(), remote.target.url(), &places.record.display().to_string());
        }
        (None, Some(url)) => {
            let plan = elsewhere(url, args)?;
            let here = places.record.display().to_string();
            let target = Target::connect(&plan, &project, &connected.surroundings).await?;
            lock.lease = plan.lease;
            if let Some(deleted) = finish(places, &target, cluster, &lock).await? {
                tell_finished(global, deleted, target.url(), &here);
                return Ok(ExitCode::Ok);
            }
            let remote = open(plan).await?;
            let moved = bring_back(places, &remote, &lock).await?;
            tell(global, Some(&moved), &here, remote.target.url());
        }
        (None, None) => {
            return Err(Failure::new(
                ExitCode::Usage,
                "infra.toml keeps the record on this machine, and that is where it is",
            )
            .hint("to move it to a bucket, add [state] with backend = \"s3://bucket/prefix\" first; to bring it back, remove [state] and give --from s3://bucket/prefix"));
        }
        (Some(_), Some(_)) => {
            return Err(Failure::new(
                ExitCode::Usage,
                "from one bucket to another it goes over this machine",
            )
            .hint("first without [state] and with --from, then with the new [state]"));
        }
    }
    Ok(ExitCode::Ok)
}

/// A bucket that infra.toml does not name any more.
fn elsewhere(url: &str, args: &MigrateArgs) -> Result<BucketPlan, Failure> {
    let (bucket, prefix) =
        BucketPlan::parse_url(url).map_err(|why| Failure::new(ExitCode::Usage, why))?;
    Ok(BucketPlan {
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
        println!("{to} is ready; {from} has no record to move.");
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
