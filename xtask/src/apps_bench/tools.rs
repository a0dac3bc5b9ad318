//! Running `infra` and kubectl, timed.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// What is run, and where.
pub(super) struct Tools {
    pub(super) infra: PathBuf,
    pub(super) kubectl: PathBuf,
    pub(super) kubeconfig: PathBuf,
    pub(super) folder: PathBuf,
}

impl Tools {
    /// Runs `infra` with these words; returns how long it took.
    pub(super) fn infra(&self, words: &[&str]) -> Result<Duration, String> {
        timed(Command::new(&self.infra).args(words), &self.folder)
    }

    /// Runs `infra apps` on the cluster; returns how long it took.
    pub(super) fn apps(&self, words: &[&str]) -> Result<Duration, String> {
        let mut command = Command::new(&self.infra);
        command.arg("apps").args(words).arg("--kubeconfig").arg(&self.kubeconfig);
        timed(&mut command, &self.folder)
    }

    /// Runs kubectl on the cluster; returns how long it took. The cache is warm, so discovery is not
    /// measured.
    pub(super) fn kubectl(&self, words: &[&str]) -> Result<Duration, String> {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(&self.kubeconfig);
        command.arg("--cache-dir").arg(self.folder.join("kube-cache")).args(words);
        timed(&mut command, &self.folder)
    }
}

fn timed(command: &mut Command, folder: &Path) -> Result<Duration, String> {
    let begun = Instant::now();
    command.current_dir(folder).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let took = begun.elapsed();
    if output.status.success() {
        return Ok(took);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let tail: Vec<&str> = said.lines().rev().take(10).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    Err(format!("{command:?} ended with {}:\n{}", output.status, tail.join("\n")))
}
