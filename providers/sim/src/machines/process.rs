//! Processes of a machine: each run is a process group of its own, and none outlives its machine.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::disk::Disk;

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code; a signal counts as 128 + its number, as in the shell.
    Exit(i32),
    /// It was killed, as the machine went down.
    Killed,
}

/// A process group that is killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            // It may be gone already.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a script file to its end, its output on the machine's console.
///
/// # Errors
/// Returns an error if it can't be started.
pub async fn run(
    disk: &Disk,
    script: &Path,
    variables: &[(&'static str, String)],
    stop: &CancellationToken,
) -> std::io::Result<Ended> {
    let console = OpenOptions::new().append(true).create(true).open(disk.console())?;
    let mut command = interpreter(script)?;
    command
        .env_clear()
        .envs(variables.iter().map(|(k, v)| (*k, v)))
        .current_dir(&disk.root)
        .stdin(Stdio::null())
        .stdout(console.try_clone()?)
        .stderr(console)
        .process_group(0);
    let mut child: Child = command.spawn()?;
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw));
    tokio::select! {
        status = child.wait() => {
            // Background processes of the script live on until their machine goes; they are found
            // by their environment then.
            group.0 = None;
            let status = status?;
            use std::os::unix::process::ExitStatusExt;
            Ok(Ended::Exit(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))))
        }
        () = stop.cancelled() => {
            group.kill();
            child.wait().await?;
            Ok(Ended::Killed)
        }
    }
}

/// Chooses the program for a script: real bash for shells, else what its first line names.
fn interpreter(script: &Path) -> std::io::Result<Command> {
    let text = std::fs::read(script)?;
    let first = text.split(|b| *b == b'\n').next().unwrap_or_default();
    let first = String::from_utf8_lossy(first).trim_start_matches("#!").trim().to_owned();
    let mut words = first.split_whitespace();
    let program = words.next().unwrap_or("/bin/sh").to_owned();
    let shell =
        ["/bin/sh", "/bin/bash", "/usr/bin/bash", "/usr/bin/sh"].contains(&program.as_str());
    let mut command = Command::new(if shell { "bash" } else { &program });
    command.args(words).arg(script);
    Ok(command)
}

/// Kills whatever still runs on a machine, found by its environment: what scripts left in the
/// background, or what outlived a killed embedded cloud.
pub fn kill_left_over(disk: &Disk) {
    let needle = format!("INFRA_ROOT={}", disk.root.display());
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return;
    };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(environment) = std::fs::read(entry.path().join("environ")) else {
            continue;
        };
        if environment.split(|b| *b == 0).any(|v| v == needle.as_bytes()) {
            let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}
