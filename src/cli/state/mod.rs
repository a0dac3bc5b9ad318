//! `infra state`

mod history;
mod list;
mod migrate;
mod pull;
mod push;
mod rollback;
mod unlock;

use clap::{Args, Subcommand};
use infra_provider_api::Address;

use super::global::Global;
use crate::session::{CliError, ExitCode};

/// Inspect, repair and move the state
#[derive(Debug, Args)]
pub struct StateArgs {
    #[command(subcommand)]
    verb: StateVerb,
}

#[derive(Debug, Subcommand)]
enum StateVerb {
    /// List all resources in the state, and who holds the lock
    List,
    /// Show one resource.
    Show {
        /// Its address.
        address: Address,
    },
    /// List the last runs: who, when, what changed.
    History(history::HistoryArgs),
    /// Restore the state of an earlier run, without touching the cloud
    Rollback(rollback::RollbackArgs),
    /// Print the state, for reading it or for repairing it by hand
    Pull(pull::PullArgs),
    /// Replace the state with a file written by `infra state pull`
    Push(push::PushArgs),
    /// Release the lock of a run that is no longer alive
    Unlock(unlock::UnlockArgs),
    /// Move the state to where [state] of infra.toml says: to a bucket, or back to this machine
    Migrate(migrate::MigrateArgs),
}

/// Runs the verb.
pub async fn state(global: &Global, args: &StateArgs) -> Result<ExitCode, CliError> {
    match &args.verb {
        StateVerb::List => list::list(global).await,
        StateVerb::Show { address } => list::show(global, address).await,
        StateVerb::History(args) => history::history(global, args).await,
        StateVerb::Rollback(args) => rollback::rollback(global, args).await,
        StateVerb::Pull(args) => pull::pull(global, args).await,
        StateVerb::Push(args) => push::push(global, args).await,
        StateVerb::Unlock(args) => unlock::unlock(global, args).await,
        StateVerb::Migrate(args) => migrate::migrate(global, args).await,
    }
}

/// Writes a time as `2026-01-31 12:00:00Z`.
fn time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
