//! A machine's disk: the folder that is its `/`.

use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// What a stock image has in `/proc/swaps`: one swap file, as on images that make one.
const SWAPS: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/swap.img\t\t\t\tfile\t\t2097148\t\t0\t\t-2\n";

const OS_RELEASE: &str = "PRETTY_NAME=\"Ubuntu 24.04 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nID=ubuntu\nID_LIKE=debian\n";

const FOLDERS: &[&str] = &[
    "etc/systemd/system",
    "etc/sysctl.d",
    "etc/modules-load.d",
    "proc/sys",
    "run",
    "sys/module",
    "tmp",
    "root",
    "usr/local/bin",
    "usr/local/sbin",
    "usr/bin",
    "usr/sbin",
    "opt",
    "var/lib",
    "var/log",
    "home",
    "mnt",
    "srv",
];

/// The folder of one machine.
#[derive(Debug, Clone)]
pub struct Disk {
    /// `DIR/machines/<id>`.
    pub folder: PathBuf,
    /// Its `/`.
    pub root: PathBuf,
}

impl Disk {
    /// Makes the disk of a droplet, below the folder of all machines. Nothing is written yet.
    pub fn new(machines: &Path, droplet: u64) -> Self {
        let folder = machines.join(droplet.to_string());
        let root = folder.join("root");
        Self { folder, root }
    }

    /// Returns the path of the file that marks a machine that runs nothing.
    pub fn fast_marker(&self) -> PathBuf {
        self.folder.join("fast")
    }

    /// Returns the path of what the machine printed since it was made.
    pub fn console(&self) -> PathBuf {
        self.folder.join("console.log")
    }

    /// Makes the folders and files of a stock image; keeps what is there.
    ///
    /// # Errors
    /// Returns an error if the real disk refuses.
    pub fn prepare(&self, hostname: &str) -> io::Result<()> {
        for folder in FOLDERS {
            std::fs::create_dir_all(self.root.join(folder))?;
        }
        let once = |path: &str, text: &str| {
            let path = self.root.join(path);
            if path.exists() { Ok(()) } else { std::fs::write(path, text) }
        };
        once("proc/swaps", SWAPS)?;
        once("etc/os-release", OS_RELEASE)?;
        once("etc/hostname", &format!("{hostname}\n"))?;
        once("etc/hosts", &format!("127.0.0.1 localhost\n127.0.1.1 {hostname}\n"))?;
        once("etc/fstab", "/swap.img none swap sw 0 0\n")
    }

    /// Forgets what only lives while a machine runs: `/proc`, `/run`, `/sys`, `/tmp`.
    ///
    /// # Errors
    /// Returns an error if the real disk refuses.
    pub fn power_cycle(&self) -> io::Result<()> {
        for folder in ["proc", "run", "sys", "tmp"] {
            match std::fs::remove_dir_all(self.root.join(folder)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        // Swap that is still in fstab comes back; settings of sysctl.d and modules-load.d do too.
        for folder in FOLDERS {
            std::fs::create_dir_all(self.root.join(folder))?;
        }
        let fstab = std::fs::read_to_string(self.root.join("etc/fstab")).unwrap_or_default();
        let swap = fstab.lines().any(|l| {
            !l.trim_start().starts_with('#') && l.split_whitespace().nth(2) == Some("swap")
        });
        let header = SWAPS.lines().next().unwrap_or_default();
        std::fs::write(
            self.root.join("proc/swaps"),
            if swap { SWAPS.to_owned() } else { format!("{header}\n") },
        )
    }

    /// Returns the real place of an absolute path of the machine; `None` if it leaves the disk.
    pub fn inside(&self, absolute: &str) -> Option<PathBuf> {
        let relative = Path::new(absolute.trim_start_matches('/'));
        relative
            .components()
            .all(|c| matches!(c, Component::Normal(_) | Component::CurDir))
            .then(|| self.root.join(relative))
    }

    /// Writes a file of the machine.
    ///
    /// # Errors
    /// Returns an error if the path leaves the disk or the real disk refuses.
    pub fn write(&self, absolute: &str, content: &[u8], mode: u32, append: bool) -> io::Result<()> {
        use std::io::Write;
        let path = self.inside(absolute).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the path leaves the disk")
        })?;
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let mut file = std::fs::OpenOptions::new()
            .write(!append)
            .append(append)
            .create(true)
            .truncate(!append)
            .mode(mode)
            .open(&path)?;
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.write_all(content)
    }

    /// Adds a line to the console.
    pub fn say(&self, line: &str) {
        use std::io::Write;
        let result = std::fs::create_dir_all(&self.folder).and_then(|()| {
            let mut file =
                std::fs::OpenOptions::new().append(true).create(true).open(self.console())?;
            writeln!(file, "{line}")
        });
        if let Err(e) = result {
            tracing::warn!("{}: {e}", self.console().display());
        }
    }

    /// Returns the last lines of the console.
    pub fn tail(&self, lines: usize) -> Vec<String> {
        let bytes = std::fs::read(self.console()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].iter().map(|l| (*l).to_owned()).collect()
    }
}
