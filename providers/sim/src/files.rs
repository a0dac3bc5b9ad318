//! Writing files so that a reader never sees half of one.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::error::SimError;

/// Makes the folder of an embedded cloud, which only its owner may look into; takes the others'
/// rights from one that an earlier version made. Any other folder that is there stays as it is.
///
/// # Errors
/// Returns an error if it can't be made.
pub fn make_private(folder: &Path) -> Result<(), SimError> {
    let make = || -> std::io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let is_ours = ["lock", "sim.log"].iter().all(|name| folder.join(name).is_file());
        if is_ours && std::fs::metadata(folder)?.permissions().mode() & 0o077 != 0 {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
        }
        Ok(())
    };
    make().map_err(|e| SimError::io("create", folder, e))
}

/// Writes a file atomically with mode 0600.
///
/// # Errors
/// Returns an error if the folder can't be written.
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
