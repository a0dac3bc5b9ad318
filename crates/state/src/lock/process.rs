//! Which process a lease's holder is, so that another one on the same machine can tell that it is
//! gone.

use serde::{Deserialize, Serialize};

/// A process of one boot of one machine. Names of machines are not enough: containers share them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The boot and the process table it is in.
    pub machine: String,
    /// Its number there.
    pub pid: u32,
    /// When it started, in the system's ticks: numbers are used again.
    pub started: u64,
}

impl ProcessId {
    /// Identifies this process. Returns `None` where the system does not tell (it has no /proc).
    pub fn this() -> Option<Self> {
        let pid = std::process::id();
        Some(Self { machine: machine()?, pid, started: started(pid)? })
    }

    /// Returns true if it is surely gone. It returns `false` also if that cannot be seen from here.
    pub fn is_gone(&self) -> bool {
        machine().is_some_and(|here| here == self.machine)
            && started(self.pid) != Some(self.started)
    }
}

fn machine() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let table = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), table.display()))
}

/// Reads when a process started. Returns `None` if there is none of that number, or it is a zombie.
fn started(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there_and_others_are_told_apart() {
        let this = ProcessId::this().unwrap();
        assert!(!this.is_gone());
        assert!(ProcessId { started: this.started + 1, ..this.clone() }.is_gone());
        let elsewhere = ProcessId { machine: "another".to_owned(), pid: 1, ..this };
        assert!(!elsewhere.is_gone(), "it can't be told from here");
    }
}
