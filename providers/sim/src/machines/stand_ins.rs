//! The folder with the host tools that every machine has in its PATH.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::stand_in::HOST_TOOLS;

/// Returns the folder they are in.
pub fn folder(data: &Path) -> PathBuf {
    data.join("stand-ins")
}

/// Writes the script that is a stand-in.
fn script(tool: &str) -> String {
    format!("#!/bin/sh\nexec \"$INFRA_SIM_STAND_IN\" sim stand-in {tool} \"$@\"\n")
}

/// Writes all of them.
///
/// # Errors
/// Returns an error if the real disk refuses.
pub fn install(data: &Path) -> io::Result<()> {
    let folder = folder(data);
    std::fs::create_dir_all(&folder)?;
    for tool in HOST_TOOLS {
        let path = folder.join(tool);
        let text = script(tool);
        if std::fs::read_to_string(&path).is_ok_and(|t| t == text) {
            continue;
        }
        // Renamed into place: a machine may be running the old one.
        let temporary = folder.join(format!(".{tool}.{}", std::process::id()));
        std::fs::write(&temporary, text)?;
        std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(0o700))?;
        std::fs::rename(&temporary, &path)?;
    }
    Ok(())
}
