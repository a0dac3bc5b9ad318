//! The world: state, lock, log, and a signal that something changed.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::log::Log;
use super::state::State;
use crate::error::SimError;

/// Everything that exists in the cloud.
pub struct World {
    inner: Mutex<Inner>,
    version: watch::Sender<u64>,
}

struct Inner {
    state: State,
    log: Log,
    compact_at_bytes: u64,
}

/// A log this small is never worth compacting.
const COMPACT_MIN_BYTES: u64 = 4 << 20;

impl World {
    /// Opens the world of a data folder; `seed` counts only when there is none yet.
    ///
    /// # Errors
    /// Returns an error if the record can't be read, or is of a newer version.
    pub fn open(data: &Path, seed: u64) -> Result<Self, SimError> {
        let mut state = State::new(seed);
        let mut log = Log::open(&data.join("world.jsonl"), |change| state.replay(change))?;
        let rows = state.all_changes();
        if log.length() > COMPACT_MIN_BYTES {
            log.compact(&rows)?;
        }
        let compact_at_bytes = (log.length() * 4).max(COMPACT_MIN_BYTES);
        Ok(Self {
            inner: Mutex::new(Inner { state, log, compact_at_bytes }),
            version: watch::Sender::new(0),
        })
    }

    /// Reads. The lock is held while `f` runs: no I/O in there.
    pub fn read<T>(&self, f: impl FnOnce(&State) -> T) -> T {
        f(&self.inner.lock().unwrap_or_else(PoisonError::into_inner).state)
    }

    /// Changes, as one transaction in the log. Check everything before changing anything: there is no way back.
    pub fn write<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        let (result, changed) = {
            let mut guard = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let inner = &mut *guard;
            let result = f(&mut inner.state);
            let changes = inner.state.take_changes();
            if !changes.is_empty() {
                inner.record(&changes);
            }
            (result, !changes.is_empty())
        };
        if changed {
            self.version.send_modify(|v| *v += 1);
        }
        result
    }

    /// Fires after each transaction that changed something.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}

impl Inner {
    fn record(&mut self, changes: &[super::Change]) {
        if let Err(e) = self.log.append(changes) {
            // The lines stay pending and go out with the next transaction.
            tracing::error!("the world is not recorded: {e}");
            return;
        }
        if self.log.length() > self.compact_at_bytes {
            if let Err(e) = self.log.compact(&self.state.all_changes()) {
                tracing::error!("the world's log is not compacted: {e}");
            }
            self.compact_at_bytes = (self.log.length() * 4).max(COMPACT_MIN_BYTES);
        }
    }
}
