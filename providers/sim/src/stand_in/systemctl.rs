//! `systemctl`: starts units whose file and program are really on the machine's disk.

use std::os::unix::fs::PermissionsExt;

use super::units::{self, full_name};
use super::{BROKEN_UNIT, Context, Failure};

/// Stands in for `systemctl [OPTIONS] VERB [UNIT…]`.
pub fn run(context: &Context, args: &[&str]) -> Result<(), Failure> {
    let now = args.contains(&"--now");
    let quiet = args.contains(&"--quiet") || args.contains(&"-q");
    let words: Vec<&str> = args.iter().copied().filter(|a| !a.starts_with('-')).collect();
    let Some((verb, names)) = words.split_first() else {
        return Ok(());
    };
    if matches!(*verb, "daemon-reload" | "daemon-reexec" | "reset-failed") {
        return Ok(());
    }
    if names.is_empty() {
        return Err(Failure::new("Too few arguments."));
    }
    for name in names {
        let unit = full_name(name);
        match *verb {
            "start" => start(context, &unit, "start")?,
            "restart" | "reload-or-restart" | "try-restart" => {
                units::set_active(context, &unit, false)?;
                start(context, &unit, "restart")?;
            }
            "reload" => need_known(context, &unit, "reload")?,
            "stop" | "kill" => stop(context, &unit)?,
            "enable" => {
                if !units::known(context, &unit) {
                    return Err(Failure::new(format!(
                        "Failed to enable unit: Unit file {unit} does not exist."
                    )));
                }
                units::set_enabled(context, &unit, true)?;
                if now {
                    start(context, &unit, "start")?;
                }
            }
            "disable" | "mask" => {
                units::set_enabled(context, &unit, false)?;
                if now {
                    stop(context, &unit)?;
                }
            }
            "unmask" => {}
            "is-active" => {
                report(units::is_active(context, &unit), quiet, ["active", "inactive"], 3)?;
            }
            "is-enabled" => {
                report(units::is_enabled(context, &unit), quiet, ["enabled", "disabled"], 1)?;
            }
            "is-failed" => report(false, quiet, ["failed", "active"], 1)?,
            "status" => {
                need_known(context, &unit, "show")?;
                let active = units::is_active(context, &unit);
                println!(
                    "● {unit}\n     Active: {}",
                    if active { "active (running)" } else { "inactive (dead)" }
                );
                if !active {
                    return Err(Failure::with_code(3, ""));
                }
            }
            other => return Err(Failure::new(format!("Unknown command verb {other}."))),
        }
    }
    Ok(())
}

fn report(on: bool, quiet: bool, words: [&str; 2], code: i32) -> Result<(), Failure> {
    if !quiet {
        println!("{}", if on { words[0] } else { words[1] });
    }
    if on { Ok(()) } else { Err(Failure::with_code(code, "")) }
}

fn need_known(context: &Context, unit: &str, verb: &str) -> Result<(), Failure> {
    if units::known(context, unit) {
        return Ok(());
    }
    Err(Failure::with_code(5, format!("Failed to {verb} {unit}: Unit {unit} not found.")))
}

/// Starts a unit: its file must be there, and so must the program that it names.
pub fn start(context: &Context, unit: &str, verb: &str) -> Result<(), Failure> {
    need_known(context, unit, verb)?;
    // What it requires is started first, and must start.
    for required in units::required(context, unit) {
        if !units::is_active(context, &required) && start(context, &required, verb).is_err() {
            return Err(Failure::new(format!(
                "A dependency job for {unit} failed. See 'journalctl -xe' for details."
            )));
        }
    }
    if let Some(program) = units::program(context, unit) {
        let path = context.path(&program);
        let runs = std::fs::metadata(&path)
            .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
        if !runs {
            return Err(failed(
                unit,
                &format!("Failed to locate executable {program}: No such file or directory"),
            ));
        }
    }
    if std::env::var(BROKEN_UNIT).is_ok_and(|broken| broken == unit) {
        return Err(failed(
            unit,
            "the control process exited with error code (a fault that was set)",
        ));
    }
    if unit == "containerd.service" {
        need_cni(context)?;
    }
    units::set_active(context, unit, true)?;
    if unit == "kubelet.service" {
        context.set_kubelet(true)?;
    }
    Ok(())
}

fn stop(context: &Context, unit: &str) -> Result<(), Failure> {
    let was = units::is_active(context, unit);
    units::set_active(context, unit, false)?;
    if was && unit == "kubelet.service" {
        context.set_kubelet(false)?;
    }
    Ok(())
}

/// Checks for network plugins. containerd's CRI plugin is of no use without them; failing here says
/// so early.
fn need_cni(context: &Context) -> Result<(), Failure> {
    let any = std::fs::read_dir(context.path("/opt/cni/bin"))
        .is_ok_and(|mut entries| entries.next().is_some());
    if any {
        return Ok(());
    }
    Err(failed(
        "containerd.service",
        "no network plugins in /opt/cni/bin (install the CNI plugins first)",
    ))
}

fn failed(unit: &str, reason: &str) -> Failure {
    Failure::new(format!(
        "Job for {unit} failed because the control process exited with error code.\n{unit}: {reason}"
    ))
}
