//! What systemd does at a machine's start: the units that are enabled run again.

use std::io;

use super::disk::Disk;

/// Marks the enabled units as running.
///
/// # Errors
/// Returns an error if the real disk refuses.
pub fn start_enabled(disk: &Disk) -> io::Result<()> {
    let wants = disk.root.join("etc/systemd/system/multi-user.target.wants");
    let entries = match std::fs::read_dir(wants) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    let active = disk.root.join("run/systemd/active");
    std::fs::create_dir_all(&active)?;
    for entry in entries {
        std::fs::write(active.join(entry?.file_name()), "")?;
    }
    Ok(())
}

/// Returns true if a unit runs.
pub fn is_active(disk: &Disk, unit: &str) -> bool {
    disk.root.join("run/systemd/active").join(unit).exists()
}
