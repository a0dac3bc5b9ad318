//! The lock file itself.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::lease::{Content, Lease};

/// The lock file, open.
#[derive(Debug)]
pub(super) struct LockFile(File);

impl LockFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            crate::store::make_folder(folder)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.open(path).map(Self)
    }

    /// Takes the file lock; false if another process has it. It is given back when the file is
    /// closed, also by a crash.
    pub(super) fn try_lock(&self) -> io::Result<bool> {
        match self.0.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(super) fn read(&mut self) -> io::Result<Content> {
        let mut bytes = Vec::new();
        self.0.seek(SeekFrom::Start(0))?;
        self.0.read_to_end(&mut bytes)?;
        Ok(Lease::parse(&bytes))
    }

    pub(super) fn write(&mut self, lease: &Lease) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(lease)?;
        bytes.push(b'\n');
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(&bytes)?;
        self.0.set_len(bytes.len() as u64)?;
        self.0.sync_data()
    }

    /// Says that nobody holds it.
    pub(super) fn clear(&self) -> io::Result<()> {
        self.0.set_len(0)
    }

    /// Gives the file lock back. Closing the file would, too, but a task may still hold it open.
    pub(super) fn unlock(&self) -> io::Result<()> {
        self.0.unlock()
    }
}
