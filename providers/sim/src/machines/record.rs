//! What is kept of a machine next to its disk.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::disk::Disk;

/// How far a machine's user-data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BootState {
    /// It runs, or ran when the embedded cloud was killed.
    Running,
    /// It ended well.
    Done,
    /// It ended badly, or can't be run.
    Failed,
}

/// What is kept of a machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MachineRecord {
    /// How far its user-data is.
    pub boot: BootState,
    /// The exit code, once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Why it failed: the last lines of the console.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<String>,
}

impl MachineRecord {
    /// Makes a record without an exit code.
    pub fn new(boot: BootState) -> Self {
        Self { boot, exit_code: None, tail: Vec::new() }
    }

    fn path(disk: &Disk) -> std::path::PathBuf {
        disk.folder.join("machine.json")
    }

    /// Reads the record; `None` when the machine never ran user-data.
    pub fn load(disk: &Disk) -> Option<Self> {
        let text = std::fs::read(Self::path(disk)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes the record.
    pub fn save(&self, disk: &Disk) {
        let write = |path: &Path| -> Result<(), String> {
            std::fs::create_dir_all(&disk.folder).map_err(|e| e.to_string())?;
            let text = serde_json::to_vec(self).map_err(|e| e.to_string())?;
            crate::files::write_private(path, &text).map_err(|e| e.to_string())
        };
        if let Err(reason) = write(&Self::path(disk)) {
            tracing::warn!("a machine's state is not recorded: {reason}");
        }
    }
}
