//! Where a test kills the process: right before a write of the journal, in the middle of it, or
//! right after it is on the disk. Only builds with debug assertions look at the variable; release
//! builds have none of this, so that nothing in the environment can do it to a real run.
//!
//! `INFRA_FAULT_POINT=journal:before:3` (`torn`, `after`) kills at the third write of the run;
//! `journal:count:FILE` lets it run and keeps the number of writes so far in FILE.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// The variable.
const VARIABLE: &str = "INFRA_FAULT_POINT";

static WRITES: AtomicU64 = AtomicU64::new(0);

/// One write of the journal, with its number.
pub(super) struct Point {
    wanted: Option<(String, String)>,
    number: u64,
}

impl Point {
    /// Returns the fault point of a write. It is `None` unless `path` is a journal, and a fault is
    /// asked for.
    pub(super) fn at(path: &Path) -> Option<Self> {
        if !cfg!(debug_assertions) {
            return None;
        }
        let text = std::env::var(VARIABLE).ok()?;
        let wanted = text.strip_prefix("journal:")?;
        (path.file_name()? == "journal").then_some(())?;
        let wanted = wanted.split_once(':').map(|(how, at)| (how.to_owned(), at.to_owned()));
        Some(Self { wanted, number: WRITES.fetch_add(1, Ordering::SeqCst) + 1 })
    }

    fn is(&self, how: &str) -> bool {
        self.wanted
            .as_ref()
            .is_some_and(|(wanted, at)| wanted == how && at.parse() == Ok(self.number))
    }

    /// Kills the process before anything is written, if the test asks for it. If it asks for a torn
    /// write, half of `bytes` is written with `write` first.
    pub(super) fn before(&self, bytes: &[u8], write: impl FnOnce(&[u8])) {
        if let Some((how, file)) = &self.wanted
            && how == "count"
        {
            // A test that can't count sees an empty file.
            let _ = std::fs::write(file, self.number.to_string());
        }
        if self.is("torn") {
            write(&bytes[..bytes.len() / 2]);
            die();
        }
        if self.is("before") {
            die();
        }
    }

    /// Kills the process if the test asks for it once the bytes are on the disk.
    pub(super) fn after(&self) {
        if self.is("after") {
            die();
        }
    }
}

fn die() {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
    loop {
        std::thread::park();
    }
}
