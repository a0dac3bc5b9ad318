//! Watches: streams of the changes after a revision.

use std::collections::VecDeque;

use tokio::sync::watch;

use super::event::{Event, Gone};
use super::resource::{KindKey, Resource};
use super::state::Store;

impl Store {
    /// Streams the changes of a kind after a revision (`list`'s, for those not yet seen).
    pub fn watch(&self, resource: &Resource, since: u64) -> WatchStream {
        self.stream(Some(resource.key()), since)
    }

    /// Streams the changes of all kinds after a revision.
    pub fn watch_all(&self, since: u64) -> WatchStream {
        self.stream(None, since)
    }

    fn stream(&self, only: Option<KindKey>, since: u64) -> WatchStream {
        WatchStream {
            store: self.clone(),
            only,
            position: since,
            revision: self.revisions(),
            pending: VecDeque::new(),
        }
    }
}

/// Changes after a revision, in order, without gaps.
pub struct WatchStream {
    store: Store,
    only: Option<KindKey>,
    position: u64,
    revision: watch::Receiver<u64>,
    pending: VecDeque<Event>,
}

impl WatchStream {
    /// Waits for the next change and returns it. It returns `Gone` if the changes were more than
    /// the history holds, or if the store was closed.
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

    /// Returns the revision up to which every change was given out.
    pub fn position(&self) -> u64 {
        self.pending.front().map_or(self.position, |event| event.rv.saturating_sub(1))
    }
}
