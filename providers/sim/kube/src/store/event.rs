use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use super::resource::{KindKey, Resource};
use super::state::Store;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It was created.
    Added,
    /// It was changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// A change of one object.
#[derive(Debug, Clone)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The kind of the object.
    pub resource: Resource,
    /// The object after the change; for `Deleted` its last form, with the revision of the deletion.
    pub object: Arc<Value>,
    /// The object before the change.
    pub previous: Option<Arc<Value>>,
    /// The revision of the change.
    pub rv: u64,
}

/// The changes asked for are no longer in the history: list again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version: {since} ({oldest})")]
pub struct Gone {
    /// The revision asked for.
    pub since: u64,
    /// The oldest revision still known.
    pub oldest: u64,
}

/// Changes after a revision, in order, without gaps.
pub struct WatchStream {
    pub(crate) store: Store,
    pub(crate) only: Option<KindKey>,
    pub(crate) position: u64,
    pub(crate) revision: watch::Receiver<u64>,
    pub(crate) pending: std::collections::VecDeque<Event>,
}

impl WatchStream {
    /// The next change. Waits for it; answers `Gone` when the changes were more than the history
    /// holds, or the store was closed.
    pub async fn next(&mut self) -> Result<Event, Gone> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Ok(event);
            }
            self.revision.borrow_and_update();
            let (events, position) = self.store.events_after(self.position, self.only.as_ref())?;
            self.position = position;
            self.pending.extend(events);
            if self.pending.is_empty() && self.revision.changed().await.is_err() {
                return Err(Gone { since: self.position, oldest: self.position });
            }
        }
    }

    /// The revision up to which every change was given out.
    pub fn position(&self) -> u64 {
        self.pending.front().map_or(self.position, |event| event.rv.saturating_sub(1))
    }
}
