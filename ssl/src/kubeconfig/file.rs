//! The user's kubeconfig file.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use crate::error::{Result, SslError};
use crate::files::{self, SECRET_MODE};
use crate::kubeconfig::Kubeconfig;
use crate::kubeconfig::merge::{MergeOptions, MergeReport, merge_text};

/// Returns the file that kubectl writes to: the first one of `KUBECONFIG`, or else
/// `~/.kube/config`.
///
/// # Errors
/// Returns an error if neither KUBECONFIG nor HOME is set.
pub fn default_kubeconfig_path() -> Result<PathBuf> {
    if let Some(list) = std::env::var_os("KUBECONFIG")
        && let Some(first) = std::env::split_paths(&list).find(|p| !p.as_os_str().is_empty())
    {
        return Ok(first);
    }
    match std::env::var_os("HOME") {
        Some(home) if !home.is_empty() => Ok(Path::new(&home).join(".kube").join("config")),
        _ => Err(SslError::NoHome),
    }
}

/// Merges `config` into the kubeconfig at `path`, which is made when missing. The file is
/// replaced atomically (through a symbolic link, its target), ends with mode 0600, and is not
/// touched when nothing changes. Takes the same `<file>.lock` as kubectl while writing.
pub fn merge_file(path: &Path, config: &Kubeconfig, options: MergeOptions) -> Result<MergeReport> {
    let target = resolve(path)?;
    if let Some(folder) = target.parent().filter(|p| !p.as_os_str().is_empty()) {
        files::ensure_folder(folder)?;
    }
    let _lock = Lock::take(&target)?;
    let present = files::read_optional(&target)?;
    let (text, report) = merge_text(path, present.as_deref(), config, options)?;
    if report.changed || present.is_none() {
        files::write_atomic(&target, text.as_bytes(), SECRET_MODE)?;
    }
    Ok(report)
}

fn resolve(path: &Path) -> Result<PathBuf> {
    match fs::canonicalize(path) {
        Ok(p) => Ok(p),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(path.to_path_buf()),
        Err(e) => Err(SslError::io("read", path)(e)),
    }
}

struct Lock(PathBuf);

impl Lock {
    fn take(target: &Path) -> Result<Lock> {
        let mut name = target.as_os_str().to_os_string();
        name.push(".lock");
        let lock = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&lock) {
            Ok(_) => Ok(Lock(lock)),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(SslError::KubeconfigLocked { lock })
            }
            Err(e) => Err(SslError::io("lock", &lock)(e)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A lock that cannot be removed is reported by the next writer.
        let _ = fs::remove_file(&self.0);
    }
}
