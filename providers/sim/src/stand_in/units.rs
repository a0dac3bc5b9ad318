//! systemd units of a machine: where their files are, whether they run and start at boot.

use std::path::PathBuf;

use super::{Context, Failure};

const FOLDERS: &[&str] = &[
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Units of a stock image that scripts stop, mask or restart.
const STOCK: &[&str] = &[
    "ssh.service",
    "sshd.service",
    "cron.service",
    "chrony.service",
    "ufw.service",
    "snapd.service",
    "apparmor.service",
    "multipathd.service",
    "unattended-upgrades.service",
    "apt-daily.service",
    "apt-daily.timer",
    "apt-daily-upgrade.service",
    "apt-daily-upgrade.timer",
    "swap.target",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
    "systemd-networkd.service",
    "systemd-modules-load.service",
    "systemd-sysctl.service",
    "systemd-journald.service",
    "dev-sda2.swap",
];

/// Returns a unit's full name: `containerd` means `containerd.service`.
pub fn full_name(name: &str) -> String {
    let known = [".service", ".socket", ".timer", ".target", ".mount", ".swap", ".path"];
    if known.iter().any(|k| name.ends_with(k)) {
        name.to_owned()
    } else {
        format!("{name}.service")
    }
}

/// Finds the unit's file.
pub fn file(context: &Context, unit: &str) -> Option<PathBuf> {
    FOLDERS.iter().map(|f| context.path(&format!("{f}/{unit}"))).find(|p| p.is_file())
}

/// Returns true if systemd knows the unit.
pub fn known(context: &Context, unit: &str) -> bool {
    STOCK.contains(&unit) || file(context, unit).is_some()
}

/// Reads the unit's own text and that of its drop-ins.
pub fn text(context: &Context, unit: &str) -> String {
    let mut all =
        file(context, unit).and_then(|p| std::fs::read_to_string(p).ok()).unwrap_or_default();
    for folder in FOLDERS {
        let Ok(entries) = std::fs::read_dir(context.path(&format!("{folder}/{unit}.d"))) else {
            continue;
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
        paths.sort();
        for path in paths {
            if path.extension().is_some_and(|e| e == "conf") {
                all.push('\n');
                all.push_str(&std::fs::read_to_string(path).unwrap_or_default());
            }
        }
    }
    all
}

/// Returns the program that the unit starts: an empty `ExecStart=` of a drop-in resets what came
/// before.
pub fn program(context: &Context, unit: &str) -> Option<String> {
    let text = text(context, unit);
    let mut program = None;
    for line in text.lines() {
        if let Some(command) = line.trim().strip_prefix("ExecStart=") {
            program = command
                .trim()
                .trim_start_matches(['-', '@', '+', '!', ':'])
                .split_whitespace()
                .next()
                .map(ToOwned::to_owned);
        }
    }
    program
}

/// Lists the units without which this one does not start.
pub fn required(context: &Context, unit: &str) -> Vec<String> {
    let text = text(context, unit);
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("Requires="));
    lines.flat_map(str::split_whitespace).map(full_name).collect()
}

fn active_file(unit: &str) -> String {
    format!("/run/systemd/active/{unit}")
}

fn enabled_file(unit: &str) -> String {
    format!("/etc/systemd/system/multi-user.target.wants/{unit}")
}

/// Returns true if the unit runs.
pub fn is_active(context: &Context, unit: &str) -> bool {
    context.exists(&active_file(unit))
}

/// Returns true if the unit starts at boot.
pub fn is_enabled(context: &Context, unit: &str) -> bool {
    context.exists(&enabled_file(unit))
}

/// Marks the unit as running or stopped.
pub fn set_active(context: &Context, unit: &str, active: bool) -> Result<(), Failure> {
    set(context, &active_file(unit), active)
}

/// Marks the unit as started at boot or not.
pub fn set_enabled(context: &Context, unit: &str, enabled: bool) -> Result<(), Failure> {
    set(context, &enabled_file(unit), enabled)
}

fn set(context: &Context, marker: &str, on: bool) -> Result<(), Failure> {
    if on {
        return context.write(marker, "", 0o644);
    }
    let path = context.path(marker);
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Failure::io("remove", &path, &e)),
        _ => Ok(()),
    }
}
