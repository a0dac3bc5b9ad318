//! A table of rows with indexes by id, name and tag; it notes what changed for the log.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::log::Change;

/// A row of a [`Table`].
pub trait Row: Clone + Serialize + DeserializeOwned {
    /// The table's name in the log.
    const KIND: &'static str;
    /// Returns its key: the numeric id if the vendor has one, else the place in order of creation.
    fn seq(&self) -> u64;
    /// Returns its id if that is not the number.
    fn id(&self) -> Option<&str> {
        None
    }
    /// Returns its name, for the index by name.
    fn lookup(&self) -> &str {
        ""
    }
    /// Returns the number of the group in which it is looked for, if it is in one now.
    fn group(&self) -> Option<u64> {
        None
    }
    /// Returns its tags, for the index by tag.
    fn tags(&self) -> &[String] {
        &[]
    }
}

/// Rows in order of their key.
pub struct Table<R: Row> {
    rows: BTreeMap<u64, Arc<R>>,
    by_id: HashMap<String, u64>,
    by_name: HashMap<String, BTreeSet<u64>>,
    by_tag: HashMap<String, BTreeSet<u64>>,
    by_group: HashMap<u64, BTreeSet<u64>>,
    changes: Vec<Change>,
    /// When rows came into being in this process; only what is young counts (lists that lag).
    births: HashMap<u64, Instant>,
    /// Old births are dropped when there are as many: doubled each time, so that it costs nothing.
    births_max: usize,
}

/// Births kept before old ones are dropped for the first time.
const BIRTHS_MIN: usize = 4096;
/// No list lags longer.
const LAG_MAX: Duration = Duration::from_secs(600);

impl<R: Row> Default for Table<R> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            by_id: HashMap::new(),
            by_name: HashMap::new(),
            by_tag: HashMap::new(),
            by_group: HashMap::new(),
            changes: Vec::new(),
            births: HashMap::new(),
            births_max: BIRTHS_MIN,
        }
    }
}

impl<R: Row> Table<R> {
    /// Returns the row with this key.
    pub fn get(&self, seq: u64) -> Option<&Arc<R>> {
        self.rows.get(&seq)
    }

    /// Returns the row with this id.
    pub fn by_id(&self, id: &str) -> Option<&Arc<R>> {
        self.rows.get(self.by_id.get(id)?)
    }

    /// Returns the rows with exactly this name.
    pub fn by_name(&self, name: &str) -> impl Iterator<Item = &Arc<R>> {
        self.pick(self.by_name.get(name))
    }

    /// Returns the rows with this tag. Tags compare without regard to case, as the vendor's do.
    pub fn by_tag(&self, tag: &str) -> impl Iterator<Item = &Arc<R>> {
        self.pick(self.by_tag.get(&tag.to_ascii_lowercase()))
    }

    /// Returns the rows that are in this group now.
    pub fn by_group(&self, group: u64) -> impl Iterator<Item = &Arc<R>> {
        self.pick(self.by_group.get(&group))
    }

    /// Returns how many rows have this tag.
    pub fn count_tag(&self, tag: &str) -> usize {
        self.by_tag.get(&tag.to_ascii_lowercase()).map_or(0, BTreeSet::len)
    }

    fn pick<'a>(&'a self, keys: Option<&'a BTreeSet<u64>>) -> impl Iterator<Item = &'a Arc<R>> {
        keys.into_iter().flatten().filter_map(|k| self.rows.get(k))
    }

    /// Returns all rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<R>> {
        self.rows.values()
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns true if a row was made less than `age` ago, by this process.
    pub fn younger(&self, seq: u64, age: Duration) -> bool {
        self.births.get(&seq).is_some_and(|b| b.elapsed() < age)
    }

    /// Inserts or replaces a row.
    pub fn put(&mut self, row: R) -> Arc<R> {
        match serde_json::to_value(&row) {
            Ok(value) => self.changes.push(Change {
                kind: R::KIND.to_owned(),
                seq: row.seq(),
                row: Some(value),
            }),
            Err(e) => tracing::error!("a {} is not recorded: {e}", R::KIND),
        }
        if !self.rows.contains_key(&row.seq()) {
            if self.births.len() >= self.births_max {
                self.births.retain(|_, born| born.elapsed() < LAG_MAX);
                self.births_max = BIRTHS_MIN.max(2 * self.births.len());
            }
            self.births.insert(row.seq(), Instant::now());
        }
        self.insert(row)
    }

    /// Changes a row in place; `false` when there is none.
    pub fn modify(&mut self, seq: u64, f: impl FnOnce(&mut R)) -> bool {
        let Some(row) = self.rows.get(&seq) else {
            return false;
        };
        let mut row = R::clone(row);
        f(&mut row);
        self.put(row);
        true
    }

    /// Removes a row.
    pub fn remove(&mut self, seq: u64) -> Option<Arc<R>> {
        let row = self.rows.remove(&seq)?;
        self.unindex(&row);
        self.changes.push(Change { kind: R::KIND.to_owned(), seq, row: None });
        Some(row)
    }

    /// Takes what changed since the last call.
    pub(super) fn take_changes(&mut self, into: &mut Vec<Change>) {
        into.append(&mut self.changes);
    }

    /// Adds all rows as changes, for a compacted log.
    pub(super) fn all_changes(&self, into: &mut Vec<Change>) {
        for row in self.rows.values() {
            if let Ok(value) = serde_json::to_value(&**row) {
                into.push(Change { kind: R::KIND.to_owned(), seq: row.seq(), row: Some(value) });
            }
        }
    }

    /// Applies a recorded change.
    pub(super) fn replay(&mut self, change: Change) -> Result<(), serde_json::Error> {
        match change.row {
            Some(value) => {
                self.insert(serde_json::from_value(value)?);
            }
            None => {
                if let Some(row) = self.rows.remove(&change.seq) {
                    self.unindex(&row);
                }
            }
        }
        Ok(())
    }

    fn insert(&mut self, row: R) -> Arc<R> {
        let seq = row.seq();
        if let Some(old) = self.rows.remove(&seq) {
            self.unindex(&old);
        }
        if let Some(id) = row.id() {
            self.by_id.insert(id.to_owned(), seq);
        }
        if !row.lookup().is_empty() {
            let name = row.lookup().to_owned();
            self.by_name.entry(name).or_default().insert(seq);
        }
        for tag in row.tags() {
            let tag = tag.to_ascii_lowercase();
            self.by_tag.entry(tag).or_default().insert(seq);
        }
        if let Some(group) = row.group() {
            self.by_group.entry(group).or_default().insert(seq);
        }
        let row = Arc::new(row);
        self.rows.insert(seq, row.clone());
        row
    }

    fn unindex(&mut self, row: &R) {
        let seq = row.seq();
        if let Some(id) = row.id() {
            self.by_id.remove(id);
        }
        drop_key(&mut self.by_name, row.lookup(), seq);
        for tag in row.tags() {
            drop_key(&mut self.by_tag, &tag.to_ascii_lowercase(), seq);
        }
        if let Some(group) = row.group() {
            drop_key(&mut self.by_group, &group, seq);
        }
    }
}

fn drop_key<K, Q>(index: &mut HashMap<K, BTreeSet<u64>>, key: &Q, seq: u64)
where
    K: Borrow<Q> + Hash + Eq,
    Q: Hash + Eq + ?Sized,
{
    if let Some(keys) = index.get_mut(key) {
        keys.remove(&seq);
        if keys.is_empty() {
            index.remove(key);
        }
    }
}
