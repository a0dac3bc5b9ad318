use std::collections::VecDeque;

use super::event::{Event, Gone};
use super::resource::KindKey;

/// How many changes are kept for watchers that come back.
const KEPT: usize = 20_000;

/// The last changes of the store.
pub(crate) struct History {
    events: VecDeque<Event>,
    /// Changes up to this revision are forgotten.
    compacted: u64,
}

impl History {
    pub(crate) fn new(compacted: u64) -> Self {
        Self { events: VecDeque::new(), compacted }
    }

    pub(crate) fn compacted(&self) -> u64 {
        self.compacted
    }

    pub(crate) fn push(&mut self, event: Event) {
        if self.events.len() == KEPT
            && let Some(old) = self.events.pop_front()
        {
            self.compacted = old.rv;
        }
        self.events.push_back(event);
    }

    pub(crate) fn after(&self, since: u64, only: Option<&KindKey>) -> Result<Vec<Event>, Gone> {
        if since < self.compacted {
            return Err(Gone { since, oldest: self.compacted });
        }
        let start = self.events.partition_point(|event| event.rv <= since);
        Ok(self
            .events
            .range(start..)
            .filter(|event| {
                only.is_none_or(|kind| {
                    event.resource.plural == kind.plural && event.resource.group == kind.group
                })
            })
            .cloned()
            .collect())
    }
}
