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
use crate::session::{ExitCode, Failure};

/// Look at the record (what this tool made, as it last saw it), mend it, move it.
#[derive(Debug, Args)]
pub struct StateArgs {
    #[command(subcommand)]
    verb: StateVerb,
}

#[derive(Debug, Subcommand)]
enum StateVerb {
    /// List everything that is recorded, and who holds the lock.
    List,
    /// Show one resource.
    Show {
        /// Its address.
        address: Address,
    },
    /// List the last runs: who, when, what changed.
    History(history::HistoryArgs),
    /// Set the record to what it was after an earlier run. The cloud is not touched.
    Rollback(rollback::RollbackArgs),
    /// Print the record, to look at or to mend it by hand.
    Pull(pull::PullArgs),
    /// Set the record to what a file says that `pull` wrote.
    Push(push::PushArgs),
    /// Give the lock back in place of a holder that surely is no more.
    Unlock(unlock::UnlockArgs),
    /// Move the record to where [state] of infra.toml says: to a bucket, or back here.
    Migrate(migrate::MigrateArgs),
}

/// Runs the verb.
pub async fn state(global: &Global, args: &StateArgs) -> Result<ExitCode, Failure> {
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

/// `2026-01-31 12:00:00Z`.
fn time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
