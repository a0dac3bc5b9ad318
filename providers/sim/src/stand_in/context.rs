//! On which machine a tool runs: its folder, and the way to the control API.

use std::env;
use std::path::{Path, PathBuf};

use super::Failure;

/// The machine a tool runs on.
pub struct Context {
    /// The folder that is the machine's `/`.
    pub root: PathBuf,
    /// Droplet id.
    pub machine: u64,
    /// Base URL of the control API.
    pub control: String,
    /// PEM file of the embedded cloud's certificate authority.
    pub ca_file: PathBuf,
    /// Proves that the caller is this machine.
    pub token: String,
    /// Version of the artifact that was started, when it says so.
    pub version: Option<String>,
}

impl Context {
    /// Reads the environment that the embedded cloud gives to everything a machine runs.
    ///
    /// # Errors
    /// Returns an error if it is incomplete, as the tool wasn't started by a machine.
    pub fn from_env() -> Result<Self, Failure> {
        let get = |name: &str| {
            env::var(name).map_err(|_| {
                Failure::new(format!(
                    "{name} is not set: this stand-in only works on a machine of the embedded cloud"
                ))
            })
        };
        let machine = get("INFRA_SIM_MACHINE")?;
        Ok(Self {
            root: get("INFRA_ROOT")?.into(),
            machine: machine
                .parse()
                .map_err(|_| Failure::new("INFRA_SIM_MACHINE is not a droplet id"))?,
            control: get("INFRA_SIM_CONTROL")?,
            ca_file: get("INFRA_SIM_CA")?.into(),
            token: get("INFRA_SIM_MACHINE_TOKEN")?,
            version: env::var("INFRA_STAND_IN_VERSION").ok(),
        })
    }

    /// Returns the real place of an absolute path of the machine.
    pub fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    /// Returns the real place of a path given by a script. A path that is relative, or already
    /// below the machine's folder, stays as it is; others lie inside the folder.
    pub fn given(&self, path: &str) -> PathBuf {
        let raw = Path::new(path);
        if raw.is_absolute() && !raw.starts_with(&self.root) {
            return self.path(path);
        }
        raw.to_owned()
    }

    /// Reads a text file of the machine; `None` when it isn't there.
    pub fn read(&self, absolute: &str) -> Option<String> {
        std::fs::read_to_string(self.path(absolute)).ok()
    }

    /// Writes a file of the machine with the given mode, and the folders above it.
    ///
    /// # Errors
    /// Returns an error if the disk refuses.
    pub fn write(&self, absolute: &str, content: &str, mode: u32) -> Result<(), Failure> {
        use std::io::Write;
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let path = self.path(absolute);
        let write = || -> std::io::Result<()> {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(mode)
                .open(&path)?;
            file.set_permissions(std::fs::Permissions::from_mode(mode))?;
            file.write_all(content.as_bytes())
        };
        write().map_err(|e| Failure::io("write", &path, &e))
    }

    /// Returns true if a file or folder of the machine exists.
    pub fn exists(&self, absolute: &str) -> bool {
        self.path(absolute).exists()
    }

    /// Reads the machine's host name.
    pub fn hostname(&self) -> String {
        self.read("/etc/hostname").map(|t| t.trim().to_owned()).unwrap_or_default()
    }
}
