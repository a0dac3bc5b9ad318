//! A bucket in memory, with a clock of its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use infra_state::{
    StoreError,
    lock::remote::Clock,
    store::remote::{Object, Objects, Only},
};

use super::clock::HandClock;

/// What the bucket does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wrong {
    Nothing,
    /// Conditions are not looked at.
    IgnoresNew,
    IgnoresUnchanged,
    /// Each write is made, and then made again as its answer got lost, as a client does.
    RepeatsWrites,
    /// It can't be reached.
    Away,
}

struct Inner {
    objects: BTreeMap<String, (Vec<u8>, String, Duration)>,
    writes: u64,
    calls: u64,
    wrong: Wrong,
}

#[derive(Clone)]
pub struct Bucket {
    inner: Arc<Mutex<Inner>>,
    pub clock: HandClock,
}

impl Bucket {
    pub fn new() -> Self {
        let inner = Inner { objects: BTreeMap::new(), writes: 0, calls: 0, wrong: Wrong::Nothing };
        Self { inner: Arc::new(Mutex::new(inner)), clock: HandClock::new() }
    }

    pub fn goes_wrong(&self, wrong: Wrong) {
        self.inner.lock().unwrap().wrong = wrong;
    }

    pub fn objects(&self) -> Arc<dyn Objects> {
        Arc::new(self.clone())
    }

    /// Everything in it.
    pub fn all(&self) -> BTreeMap<String, Vec<u8>> {
        let inner = self.inner.lock().unwrap();
        inner.objects.iter().map(|(key, (bytes, ..))| (key.clone(), bytes.clone())).collect()
    }

    pub fn keys(&self, prefix: &str) -> Vec<String> {
        self.all().into_keys().filter(|key| key.starts_with(prefix)).collect()
    }

    pub fn set(&self, key: &str, bytes: &[u8]) {
        let mut inner = self.inner.lock().unwrap();
        inner.write(key, bytes.to_vec(), self.clock.steady());
    }

    pub fn take(&self, key: &str) {
        self.inner.lock().unwrap().objects.remove(key).unwrap();
    }

    /// Calls since this was last asked.
    pub fn calls(&self) -> u64 {
        std::mem::take(&mut self.inner.lock().unwrap().calls)
    }
}

impl Inner {
    fn write(&mut self, key: &str, bytes: Vec<u8>, now: Duration) -> String {
        self.writes += 1;
        let etag = format!("\"{}\"", self.writes);
        self.objects.insert(key.to_owned(), (bytes, etag.clone(), now));
        etag
    }

    fn put(&mut self, key: &str, bytes: Vec<u8>, only: &Only, now: Duration) -> Option<String> {
        let there = self.objects.get(key);
        let holds = match only {
            Only::New => there.is_none() || self.wrong == Wrong::IgnoresNew,
            Only::Unchanged(etag) => {
                there.is_some_and(|there| there.1 == *etag) || self.wrong == Wrong::IgnoresUnchanged
            }
        };
        holds.then(|| self.write(key, bytes, now))
    }

    fn call(&mut self, what: &'static str, key: &str) -> Result<(), StoreError> {
        self.calls += 1;
        if self.wrong != Wrong::Away {
            return Ok(());
        }
        let (name, reason) = (key.to_owned(), "no answer".to_owned());
        Err(StoreError::Io { what, name, reason, full: false })
    }
}

#[async_trait]
impl Objects for Bucket {
    fn describe(&self, key: &str) -> String {
        format!("s3://bucket/lab/{key}")
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let mut inner = self.inner.lock().unwrap();
        inner.call("read", key)?;
        let now = self.clock.steady();
        Ok(inner.objects.get(key).map(|(bytes, etag, at)| Object {
            bytes: bytes.clone(),
            etag: etag.clone(),
            age: Some(now - *at),
        }))
    }

    async fn put(
        &self,
        key: &str,
        bytes: Vec<u8>,
        only: Only,
    ) -> Result<Option<String>, StoreError> {
        // So that others come meanwhile.
        tokio::task::yield_now().await;
        let mut inner = self.inner.lock().unwrap();
        inner.call("write", key)?;
        let now = self.clock.steady();
        let first = inner.put(key, bytes.clone(), &only, now);
        if inner.wrong == Wrong::RepeatsWrites {
            return Ok(inner.put(key, bytes, &only, now));
        }
        Ok(first)
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        let mut inner = self.inner.lock().unwrap();
        inner.call("remove", key)?;
        inner.objects.remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.inner.lock().unwrap().call("list", prefix)?;
        Ok(self.keys(prefix))
    }
}
