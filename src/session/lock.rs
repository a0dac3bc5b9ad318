//! The lock of a cluster, wherever its state is.

use tokio_util::sync::CancellationToken;

use super::{
    error::{CliError, ExitCode},
    open::Session,
};
use crate::state::{Lock, LockError, LockOptions, RemoteLock, StoreError, lock::Lease};

/// The lock of a cluster, held. Given back when dropped.
#[derive(Debug)]
pub enum ClusterLock {
    /// Of a state on this machine.
    Local(Lock),
    /// Of a state in a bucket.
    Remote(RemoteLock),
}

impl ClusterLock {
    /// Returns the token that is cancelled when it is lost.
    pub fn lost(&self) -> &CancellationToken {
        match self {
            Self::Local(lock) => lock.lost(),
            Self::Remote(lock) => lock.lost(),
        }
    }

    /// Returns the dead holder that the lock was taken over from.
    pub fn taken_over(&self) -> Option<&Lease> {
        match self {
            Self::Local(lock) => lock.taken_over.as_deref(),
            Self::Remote(lock) => lock.taken_over.as_deref(),
        }
    }
}

impl Session {
    /// Takes the cluster's lock and reads the state again: what was read before may be older than
    /// what its last holder wrote. `waiting` gets the lease that it waits for.
    ///
    /// # Errors
    /// Returns an error if another run holds it, or if the state cannot be used.
    pub async fn lock(
        &self,
        options: LockOptions,
        waiting: &(dyn Fn(&Lease) + Sync),
    ) -> Result<ClusterLock, CliError> {
        let lock = match &self.remote {
            Some(remote) => ClusterLock::Remote(remote.lock(options, waiting).await?),
            None => ClusterLock::Local(local(self, options, waiting).await?),
        };
        let _ = self.lock_lost.set(lock.lost().clone());
        match &self.remote {
            Some(remote) => {
                remote.prepare().await?;
                remote.refresh_all().await?;
                if let Err(failure) = remote.sign().await {
                    // The state may have another key by now, and the lock would be given back with the
                    // one before. It runs out by itself.
                    lock.lost().cancel();
                    return Err(failure.into());
                }
            }
            None => self.store.claim().await?,
        }
        Ok(lock)
    }

    /// Returns why this run may do nothing more, where it has taken the lock and lost it since.
    pub fn lost(&self) -> Option<StoreError> {
        let lost = self.lock_lost.get()?;
        match self.store.may_act() {
            Err(error) => Some(error),
            Ok(()) => lost.is_cancelled().then_some(StoreError::Fenced { by: None }),
        }
    }

    /// Replaces a failure by the loss of the lock that caused it. The loss stops whatever is under
    /// way, which then says only that it was stopped.
    pub fn blamed<T>(&self, result: Result<T, CliError>) -> Result<T, CliError> {
        result.map_err(|failure| match failure.code {
            ExitCode::Interrupted | ExitCode::Failed => self.lost().map_or(failure, CliError::from),
            _ => failure,
        })
    }

    /// Checks that this run may still act.
    ///
    /// # Errors
    /// Returns an error if the lock is lost.
    pub fn may_act(&self) -> Result<(), StoreError> {
        self.store.may_act()
    }
}

async fn local(
    session: &Session,
    options: LockOptions,
    waiting: &(dyn Fn(&Lease) + Sync),
) -> Result<Lock, LockError> {
    let folder = &session.layout.state;
    let once = LockOptions { timeout: std::time::Duration::ZERO, ..options.clone() };
    match Lock::acquire(folder, once).await {
        Err(LockError::Held { lease }) if !options.timeout.is_zero() => {
            if let Some(lease) = lease {
                waiting(&lease);
            }
            Lock::acquire(folder, options).await
        }
        taken => taken,
    }
}
