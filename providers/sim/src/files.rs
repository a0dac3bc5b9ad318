//! Writing files so that a reader never sees half of one.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::SimError;

/// Writes a file atomically with mode 0600.
///
/// # Errors
/// When the folder can't be written.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), SimError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = std::path::PathBuf::from(temporary);
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(content)?;
        file.sync_data()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(|e| SimError::io("write", path, e))
}
