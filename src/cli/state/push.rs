//! `infra state push`

use std::path::PathBuf;

use clap::Args;

use super::{
    Global,
    pull::{Pulled, VERSION},
    rollback::restore,
};
use crate::{
    cli::{apply::ChangeArgs, run::Run},
    session::{CliError, ExitCode},
};

#[derive(Debug, Args)]
pub(super) struct PushArgs {
    /// File written by `infra state pull`
    #[arg(value_name = "FILE")]
    pulled: PathBuf,
    /// Replace the state even if it has changed since it was pulled
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn push(global: &Global, args: &PushArgs) -> Result<ExitCode, CliError> {
    let pulled = read(&args.pulled)?;
    let run = Run::open(global, "state push").await?;
    let lock = run.lock("state push", args.change.lock_timeout).await?;
    let owner = &run.session.owner;
    if pulled.owner.uuid != owner.uuid {
        return Err(CliError::new(
            ExitCode::State,
            format!(
                "{} is the state of cluster {} ({}), not of {} ({})",
                args.pulled.display(),
                pulled.owner.cluster,
                pulled.owner.uuid,
                owner.cluster,
                owner.uuid
            ),
        ));
    }
    let record = run.session.store.state();
    if pulled.record.serial != record.serial && !args.force {
        return Err(CliError::new(
            ExitCode::Stale,
            format!(
                "the state has moved on since {} was pulled (line {} then, {} now)",
                args.pulled.display(),
                pulled.record.serial,
                record.serial
            ),
        )
        .hint("pull again, or give --force"));
    }
    let from = args.pulled.display().to_string();
    let code = restore(&run, &args.change, &pulled.record, &from).await;
    drop(lock);
    code
}

fn read(path: &PathBuf) -> Result<Pulled, CliError> {
    let bad = |why: String| {
        CliError::new(ExitCode::State, format!("{}: {why}", path.display()))
            .hint("`infra state pull -o FILE` writes one")
    };
    let bytes = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    let found = value["version"].as_u64().unwrap_or(0);
    if found > u64::from(VERSION) {
        return Err(bad(format!("it has format {found}, which is newer than this program")));
    }
    serde_json::from_value(value).map_err(|error| bad(error.to_string()))
}
