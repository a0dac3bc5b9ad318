//! The work queue: each key once, never in two workers at a time, with delays and back-off.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::index::Key;

const BACKOFF_FIRST: Duration = Duration::from_millis(5);
const BACKOFF_MOST: Duration = Duration::from_secs(15);

#[derive(Default)]
struct State {
    ready: VecDeque<Key>,
    queued: HashSet<Key>,
    running: HashSet<Key>,
    dirty: HashSet<Key>,
    due: BTreeMap<(Instant, u64), Key>,
    due_of: HashMap<Key, (Instant, u64)>,
    failures: HashMap<Key, u32>,
    count: u64,
}

impl State {
    fn push(&mut self, key: Key) {
        if self.running.contains(&key) {
            self.dirty.insert(key);
        } else if self.queued.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    fn push_at(&mut self, key: Key, at: Instant) {
        if let Some(have) = self.due_of.get(&key).copied() {
            if have.0 <= at {
                return;
            }
            self.due.remove(&have);
        }
        self.count += 1;
        self.due.insert((at, self.count), key.clone());
        self.due_of.insert(key, (at, self.count));
    }

    fn promote(&mut self, now: Instant) {
        while let Some((&at, _)) = self.due.first_key_value() {
            if at.0 > now {
                break;
            }
            if let Some((_, key)) = self.due.pop_first() {
                self.due_of.remove(&key);
                self.push(key);
            }
        }
    }
}

/// A queue of keys; durations are real time.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    wake: Notify,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Adds a key; nothing happens when it waits already.
    pub fn add(&self, key: Key) {
        self.lock().push(key);
        self.wake.notify_one();
    }

    /// Adds a key after a delay; of two delays the earlier one holds.
    pub fn add_after(&self, key: Key, delay: Duration) {
        if delay.is_zero() {
            return self.add(key);
        }
        self.lock().push_at(key, Instant::now() + delay);
        self.wake.notify_one();
    }

    /// Returns the next key; waits for one.
    pub async fn next(&self) -> Key {
        loop {
            let due = {
                let mut s = self.lock();
                s.promote(Instant::now());
                if let Some(key) = s.ready.pop_front() {
                    s.queued.remove(&key);
                    s.running.insert(key.clone());
                    if !s.ready.is_empty() {
                        self.wake.notify_one();
                    }
                    return key;
                }
                s.due.first_key_value().map(|(at, _)| at.0)
            };
            match due {
                Some(at) => {
                    tokio::select! {
                        () = self.wake.notified() => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                None => self.wake.notified().await,
            }
        }
    }

    /// Marks a key as finished by a worker: it comes at once again if it was added meanwhile.
    pub fn done(&self, key: &Key) {
        let mut s = self.lock();
        s.running.remove(key);
        if s.dirty.remove(key) {
            s.push(key.clone());
            self.wake.notify_one();
        }
    }

    /// Forgets the failures of a key that succeeded, so that its back-off starts from the
    /// beginning.
    pub fn forget(&self, key: &Key) {
        self.lock().failures.remove(key);
    }

    /// Adds a key that failed again after a growing pause.
    pub fn retry(&self, key: &Key) {
        let n = {
            let mut s = self.lock();
            let n = s.failures.entry(key.clone()).or_insert(0);
            *n += 1;
            *n
        };
        let pause = BACKOFF_FIRST.saturating_mul(1 << n.min(12));
        self.add_after(key.clone(), pause.min(BACKOFF_MOST));
    }
}

#[cfg(test)]
mod tests {
    use super::super::kinds::PODS;
    use super::*;

    fn key(n: &str) -> Key {
        Key::new(&PODS, "d", n)
    }

    #[tokio::test]
    async fn a_key_added_while_it_runs_comes_once_more() {
        let q = Queue::default();
        q.add(key("a"));
        q.add(key("a"));
        let k = q.next().await;
        q.add(key("a"));
        q.add(key("b"));
        assert_eq!(q.next().await, key("b"));
        q.done(&k);
        assert_eq!(q.next().await, key("a"));
        assert!(q.lock().ready.is_empty());
    }

    #[tokio::test]
    async fn the_earlier_delay_holds() {
        let q = Queue::default();
        q.add_after(key("a"), Duration::from_secs(60));
        q.add_after(key("a"), Duration::from_millis(20));
        q.add_after(key("a"), Duration::from_secs(30));
        let next = tokio::time::timeout(Duration::from_secs(10), q.next()).await;
        assert_eq!(next, Ok(key("a")));
        assert!(q.lock().due.is_empty());
    }
}
