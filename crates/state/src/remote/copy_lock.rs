//! One at a time in a working copy. A run that only looks does not hold the lock of the cluster, and
//! would write over what another run on this machine is making.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use super::options::User;
use crate::{
    error::{StateError, StateErrorKind},
    layout::ClusterLayout,
};

/// The name of the file that is locked, in `.infra/<cluster>`.
pub(crate) const COPY_LOCK: &str = "working-copy.lock";

/// How often a lock that another process has is tried again.
const AGAIN: Duration = Duration::from_millis(50);
/// How long another process may have it before the person at the terminal is told.
const TOLD_AFTER: u32 = 40;

/// The lock of a working copy, held until it is dropped. A process that ends gives it back.
pub(super) struct CopyLock {
    /// `None`: nothing can be written there, so there is nothing to keep apart.
    _file: Option<File>,
}

impl CopyLock {
    /// Waits until no other process works on the copy, and takes the lock.
    ///
    /// # Errors
    /// Returns an error if the file cannot be made or locked.
    pub(super) async fn take(layout: &ClusterLayout, user: &dyn User) -> Result<Self, StateError> {
        let file = match open(&layout.state) {
            Ok(file) => file,
            Err(error) if is_read_only(&error) => return Ok(Self { _file: None }),
            Err(error) => return Err(failed(&layout.state, &error)),
        };
        let mut tries = 0;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: Some(file) }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed(&layout.state, &error)),
            }
            tries += 1;
            if tries == TOLD_AFTER {
                user.tell("Waiting for another run on this machine, which copies the files of the state …");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

fn is_read_only(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied)
}

fn open(folder: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(infra_ssl::files::SECRET_MODE);
    crate::store::make_folder(folder)?;
    options.open(folder.join(COPY_LOCK))
}

fn failed(folder: &Path, error: &std::io::Error) -> StateError {
    let path = folder.join(COPY_LOCK);
    StateError::new(StateErrorKind::Damaged, format!("cannot lock {}: {error}", path.display()))
}
