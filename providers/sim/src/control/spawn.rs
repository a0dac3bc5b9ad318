//! Starting an embedded cloud in the background, and stopping it.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Control;
use crate::endpoint::Endpoint;
use crate::error::SimError;

/// It must answer by then.
const READY_MAX: Duration = Duration::from_secs(30);
/// How often the endpoint's file is looked for.
const POLL: Duration = Duration::from_millis(20);
/// It must be gone by then.
const STOP_MAX: Duration = Duration::from_secs(15);

/// Starts the embedded cloud of a data folder in its own process, unless one answers already, and
/// waits until it does. The process runs `exe sim serve --data DIR`, in a process group of its own,
/// writing to `DIR/sim.log`.
///
/// # Errors
/// Returns an error if it can't be started, ends at once, or doesn't answer in time; the error
/// holds the log's end.
pub async fn start(
    data: &Path,
    exe: &Path,
    seed: Option<u64>,
    speed: Option<f64>,
) -> Result<Endpoint, SimError> {
    if let Some(endpoint) = answering(data).await {
        if let (Some(speed), Ok(control)) = (speed, Control::to(endpoint.clone())) {
            control.set_speed(speed).await?;
        }
        return Ok(endpoint);
    }
    let mut child = spawn(data, exe, seed, speed)?;
    let pid = child.id();
    let begun = Instant::now();
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            // Two starts at the same time: the other one may have won.
            return match answering(data).await {
                Some(endpoint) => Ok(endpoint),
                None => Err(SimError::Unreachable(format!(
                    "the embedded cloud ended at once ({status}): {}",
                    log_end(data)
                ))),
            };
        }
        let ours = Endpoint::load(data).ok().flatten().is_some_and(|e| e.pid == pid);
        if ours && let Some(endpoint) = answering(data).await {
            // It lives on without its parent; while that lives, somebody must notice its end.
            std::thread::spawn(move || child.wait());
            return Ok(endpoint);
        }
        if begun.elapsed() > READY_MAX {
            let _ = child.kill();
            let _ = child.wait();
            return Err(SimError::Unreachable(format!(
                "the embedded cloud was not ready within {READY_MAX:?}: {}",
                log_end(data)
            )));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Returns the endpoint if something answers there.
async fn answering(data: &Path) -> Option<Endpoint> {
    let control = Control::open(data).ok().flatten()?;
    control.status().await.ok()?;
    Some(control.endpoint().clone())
}

fn spawn(
    data: &Path,
    exe: &Path,
    seed: Option<u64>,
    speed: Option<f64>,
) -> Result<Child, SimError> {
    crate::files::make_private(data)?;
    let path = data.join("sim.log");
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(|e| SimError::io("open", &path, e))?;
    let errors = log.try_clone().map_err(|e| SimError::io("open", &path, e))?;
    let mut command = Command::new(exe);
    command.args(["sim", "serve", "--data"]).arg(data);
    if let Some(seed) = seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(speed) = speed {
        command.args(["--speed", &speed.to_string()]);
    }
    command
        .env_clear()
        .envs(environment(std::env::vars_os()))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        // Ctrl-C in the terminal must not reach it.
        .process_group(0)
        .spawn()
        .map_err(|e| SimError::io("run", exe, e))
}

/// The variables that the embedded cloud gets. It outlives the command that started it, so whatever
/// else is exported there, tokens of real clouds above all, must not stay in its environment.
const VARIABLES: [&str; 14] = [
    "INFRA_LOG",
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TZ",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "LD_LIBRARY_PATH",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "RUST_MIN_STACK",
    "LLVM_PROFILE_FILE",
];

fn environment(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    all.filter(|(name, _)| VARIABLES.iter().any(|known| name == *known))
}

/// Returns the last three lines of the log, on one line.
fn log_end(data: &Path) -> String {
    let text = std::fs::read_to_string(data.join("sim.log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
}

/// Stops the embedded cloud of a data folder and waits until it is gone. `false` when none ran.
///
/// # Errors
/// Returns an error if it doesn't stop in time.
pub async fn stop(data: &Path) -> Result<bool, SimError> {
    let Some(control) = Control::open(data)? else {
        return Ok(false);
    };
    if control.stop().await.is_err() {
        // Nobody answers: the file is left over from one that was killed.
        let _ = std::fs::remove_file(Endpoint::path(data));
        return Ok(false);
    }
    let begun = Instant::now();
    let pid = control.endpoint().pid;
    while Endpoint::load(data)?.is_some_and(|e| e.pid == pid) {
        if begun.elapsed() > STOP_MAX {
            return Err(SimError::Unreachable(format!(
                "the embedded cloud (pid {pid}) did not stop within {STOP_MAX:?}"
            )));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(true)
}
