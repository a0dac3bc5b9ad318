//! Time and memory of one command.

use std::{
    fs, io,
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

/// How often the memory of a running command is read.
const SAMPLE: Duration = Duration::from_millis(1);

/// One run of a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) status: ExitStatus,
    pub(super) took: Duration,
    /// The most memory it had, in bytes: what the system keeps as the peak, last read at most a
    /// millisecond before its end.
    pub(super) memory: u64,
}

/// Runs `command` to its end.
pub(super) fn measure(command: &mut Command) -> io::Result<Measured> {
    let began = Instant::now();
    let mut child = command.spawn()?;
    let pid = u64::from(child.id());
    let mut memory = 0;
    let status = loop {
        memory = most_memory(pid).unwrap_or(memory).max(memory);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(SAMPLE);
    };
    Ok(Measured { status, took: began.elapsed(), memory })
}

/// Reads the peak of a process's memory so far, in bytes, from Linux's `/proc`.
pub(super) fn most_memory(pid: u64) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
