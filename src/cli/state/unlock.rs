//! `infra state unlock`

use clap::Args;

use super::Global;
use crate::{
    session::{CliError, ExitCode, OpenState},
    state::{
        Lock, LockError,
        lock::{Lease, remote},
    },
};

#[derive(Debug, Args)]
pub(super) struct UnlockArgs {
    /// The lock's id, as the refusal and `infra state list` tell it.
    #[arg(value_name = "ID")]
    id: String,
}

/// Reads who holds the lock.
pub(super) async fn holder(open: &OpenState) -> Result<Option<Lease>, CliError> {
    match &open.remote {
        Some(bucket) => {
            let owner = open.store.as_ref().map(|store| store.owner());
            Ok(remote::read(&*bucket.objects(), owner).await?)
        }
        None => Ok(Lock::holder(&open.layout.state).map(|lease| *lease)),
    }
}

pub(super) async fn unlock(global: &Global, args: &UnlockArgs) -> Result<ExitCode, CliError> {
    let open = OpenState::open(&global.session()).await?;
    let done = match &open.remote {
        Some(bucket) => {
            let owner = open.store.as_ref().map(|store| store.owner());
            remote::unlock(&*bucket.objects(), owner, &args.id).await
        }
        None => Lock::unlock(&open.layout.state, &args.id),
    };
    let lease = match done {
        Ok(lease) => lease,
        Err(LockError::Held { lease: Some(lease) }) if lease.id != args.id => {
            let Lease { holder, verb, acquired_at, id, .. } = *lease;
            let since = super::time(acquired_at);
            return Err(CliError::new(
                ExitCode::Locked,
                format!("`{}` is not the lock's id; it was left alone", args.id),
            )
            .hint(format!("lock {id} is held by {holder} ({verb}) since {since}")));
        }
        Err(error) => return Err(error.into()),
    };
    if global.json {
        exactln!("{}", serde_json::json!({"unlocked": lease.is_some()}));
        return Ok(ExitCode::Ok);
    }
    match lease {
        Some(lease) => println!(
            "Unlocked; it was held by {} ({}). If that run is still there, it can write nothing more.",
            lease.holder, lease.verb
        ),
        None => println!("Nobody holds the lock."),
    }
    Ok(ExitCode::Ok)
}
