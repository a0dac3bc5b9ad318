//! Collecting creates that can share a call.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::create::Item;

/// Creates that wait for company.
pub(super) struct Batches {
    window: Duration,
    /// By kind and the kind's own key; in the order they began.
    open: Vec<Batch>,
    /// Creates of each kind that are not in a batch yet, and may still come.
    to_come: HashMap<String, usize>,
}

struct Batch {
    kind: String,
    key: String,
    max: usize,
    since: Instant,
    items: Vec<Item>,
}

impl Batches {
    pub(super) fn new(window: Duration) -> Self {
        Self { window, open: Vec::new(), to_come: HashMap::new() }
    }

    /// Notes that a create of this kind may come.
    pub(super) fn expect(&mut self, kind: &str) {
        *self.to_come.entry(kind.to_owned()).or_default() += 1;
    }

    /// Notes that one create less of this kind is to come, because it has come or is skipped.
    pub(super) fn arrived(&mut self, kind: &str) {
        if let Some(count) = self.to_come.get_mut(kind) {
            *count = count.saturating_sub(1);
        }
    }

    /// Puts a create with others of its key.
    pub(super) fn add(&mut self, kind: &str, key: String, max: usize, item: Item) {
        let open = self
            .open
            .iter_mut()
            .find(|batch| batch.kind == kind && batch.key == key && batch.items.len() < batch.max);
        match open {
            Some(batch) => batch.items.push(item),
            None => self.open.push(Batch {
                kind: kind.to_owned(),
                key,
                max,
                since: Instant::now(),
                items: vec![item],
            }),
        }
    }

    /// Takes the next batch to send. It is full, has waited long enough, or nothing more can come
    /// for it. `idle` means that nothing is under way that could bring more.
    pub(super) fn take_due(&mut self, idle: bool) -> Option<Vec<Item>> {
        let now = Instant::now();
        let due = self.open.iter().position(|batch| {
            idle || batch.items.len() >= batch.max
                || now >= batch.since + self.window
                || self.to_come.get(&batch.kind).is_none_or(|count| *count == 0)
        })?;
        Some(self.open.remove(due).items)
    }

    /// Returns the moment when the next batch has waited long enough.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.open.iter().map(|batch| batch.since + self.window).min()
    }

    /// Gives up all that waits.
    pub(super) fn clear(&mut self) -> Vec<Item> {
        self.open.drain(..).flat_map(|batch| batch.items).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}
