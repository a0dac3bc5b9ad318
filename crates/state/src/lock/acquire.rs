//! Taking, renewing and giving back the lock.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Lease, file::LockFile, lease::Content};
use infra_provider_api::visible::one_line;

use crate::journal::Holder;

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
    /// Makes a request for `verb`, by this process, without waiting, with a lease of a minute.
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
    #[error("the cluster is locked{}", lease.as_ref().map(|lease| format!(" by {} ({}) since {}", lease.holder, one_line(&lease.verb), lease.acquired_at.strftime("%Y-%m-%d %H:%M:%SZ"))).unwrap_or_default())]
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
    /// It belongs to another cluster.
    #[error("{name} is the lock of cluster {cluster}")]
    OtherCluster {
        /// The lock.
        name: String,
        /// That cluster's name and UUID.
        cluster: String,
    },
    /// It is damaged.
    #[error("{name} is no lock: {reason}")]
    Damaged {
        /// The lock.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The bucket can't be used.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
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
    file: Arc<Mutex<LockFile>>,
    lost: CancellationToken,
    renewing: JoinHandle<()>,
    /// The lease of a dead holder, if one was taken over.
    pub taken_over: Option<Box<Lease>>,
}

/// Time between two tries while somebody else holds it.
const TRY_EVERY: Duration = Duration::from_millis(200);

impl Lock {
    /// Takes the lock file in `folder` (`.infra/<cluster>`, made if absent). A holder that is dead
    /// (its process is gone, or its lease has run out) is taken over.
    ///
    /// # Errors
    /// Returns an error if another run holds it until `options.timeout` is over, or if the file
    /// cannot be used.
    pub async fn acquire(folder: &Path, options: LockOptions) -> Result<Self, LockError> {
        let path = folder.join("lock");
        let until = Instant::now() + options.timeout;
        loop {
            match attempt(&path, &options) {
                Err(LockError::Held { .. }) if Instant::now() < until => {
                    tokio::time::sleep_until((Instant::now() + TRY_EVERY).min(until)).await;
                }
                Err(error) => return Err(error),
                Ok((file, lease, taken_over)) => {
                    let file = Arc::new(Mutex::new(file));
                    let lost = CancellationToken::new();
                    let renewing = renew(Arc::clone(&file), lease, options.lease, lost.clone());
                    let renewing = tokio::spawn(renewing);
                    return Ok(Self { file, lost, renewing, taken_over });
                }
            }
        }
    }

    /// Returns the token that is cancelled when the lock was lost: the lease could not be renewed,
    /// or somebody took it over. A run that holds it must start nothing new then.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Gives the lock of `folder` back in place of its holder, if its id is `id`. Returns `None` if
    /// nobody holds it.
    ///
    /// # Errors
    /// Returns [`LockError::Held`] if a process of this machine holds it, or if its id is another
    /// one. Returns an error if the file cannot be used.
    pub fn unlock(folder: &Path, id: &str) -> Result<Option<Lease>, LockError> {
        let path = folder.join("lock");
        if !path.exists() {
            return Ok(None);
        }
        let unusable = |source| LockError::Io { path: path.clone(), source };
        let mut file = LockFile::open(&path).map_err(unusable)?;
        let lease = match file.read().map_err(unusable)? {
            Content::Newer(found) => return Err(LockError::Newer { path, found }),
            Content::Nothing => return Ok(None),
            Content::Lease(lease) => lease,
        };
        // A process that is there gives it back by itself, or by ending.
        if lease.id != id || !file.try_lock().map_err(unusable)? {
            return Err(LockError::Held { lease: Some(lease) });
        }
        file.clear().map_err(unusable)?;
        let _ = file.unlock();
        Ok(Some(*lease))
    }

    /// Returns who holds the lock of `folder`, as far as its file tells. This is for showing.
    pub fn holder(folder: &Path) -> Option<Box<Lease>> {
        match Lease::parse(&std::fs::read(folder.join("lock")).ok()?) {
            Content::Lease(lease) => Some(lease),
            Content::Nothing | Content::Newer(_) => None,
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewing.abort();
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // If one of these fails, the lease is seen to be dead once the process is.
        if !self.lost.is_cancelled() {
            let _ = file.clear();
        }
        let _ = file.unlock();
    }
}

type Taken = (LockFile, Lease, Option<Box<Lease>>);

fn attempt(path: &Path, options: &LockOptions) -> Result<Taken, LockError> {
    let unusable = |source| LockError::Io { path: path.to_owned(), source };
    let mut file = LockFile::open(path).map_err(unusable)?;
    let free = file.try_lock().map_err(unusable)?;
    let before = match file.read().map_err(unusable)? {
        Content::Newer(found) => return Err(LockError::Newer { path: path.to_owned(), found }),
        Content::Lease(lease) => Some(lease),
        Content::Nothing => None,
    };
    if !free || before.as_ref().is_some_and(|lease| lease.may_live(&options.holder.host)) {
        return Err(LockError::Held { lease: before });
    }
    let lease = Lease::new(options.holder.clone(), &options.verb, options.lease);
    file.write(&lease).map_err(unusable)?;
    Ok((file, lease, before))
}

async fn renew(
    file: Arc<Mutex<LockFile>>,
    mut lease: Lease,
    lasts: Duration,
    lost: CancellationToken,
) {
    let mut ends = Instant::now() + lasts;
    loop {
        tokio::time::sleep(lasts / 3).await;
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = match file.read() {
            Ok(Content::Lease(found)) => {
                Some(found.holder == lease.holder && found.acquired_at == lease.acquired_at)
            }
            Ok(Content::Nothing | Content::Newer(_)) => Some(false),
            // It can't be read now; until the lease ends, nobody else takes it.
            Err(_) => None,
        };
        lease.renew(lasts);
        match ours {
            Some(true) if file.write(&lease).is_ok() => ends = Instant::now() + lasts,
            Some(false) => return lost.cancel(),
            _ if Instant::now() >= ends => return lost.cancel(),
            _ => {}
        }
    }
}
