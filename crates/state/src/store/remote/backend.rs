//! The bucket as a [`Backend`].

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use infra_provider_api::Owner;
use jiff::Timestamp;

use super::{
    objects::{Object, Objects, Only},
    segments::{self, FENCES_MAX, Listing},
    watermark::{Mark, Watermark},
};
use crate::{
    journal::{self, Entry, JOURNAL_VERSION},
    lock::remote::Held,
    store::{
        Backend, StoreError,
        open::{JOURNAL, SNAPSHOT},
    },
};

/// Reads and removals under way at once.
const PARALLEL: usize = 16;
/// Segments that a run may leave behind: each is a call for whoever opens the state.
const SEGMENTS_MAX: usize = 48;
/// How often a listing is taken that somebody's compaction made old.
const LISTINGS_MAX: usize = 4;

/// A state in a bucket. Read by anybody; written under a lease only.
pub struct Remote {
    objects: Arc<dyn Objects>,
    watermark: Option<Arc<dyn Watermark>>,
    held: Mutex<Option<Arc<Held>>>,
    inner: tokio::sync::Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    listing: Listing,
    /// Segments after the snapshot with which a lease began.
    fences: Vec<u64>,
    /// The segments that were read along with the snapshot.
    read: Option<Vec<u8>>,
    /// A snapshot was written, and what it covers is still there.
    compacting: bool,
}

impl Remote {
    /// Makes a backend that keeps everything in these objects.
    pub fn new(objects: Arc<dyn Objects>) -> Self {
        Self {
            objects,
            watermark: None,
            held: Mutex::default(),
            inner: tokio::sync::Mutex::default(),
        }
    }

    /// Refuses a journal that is set back behind what `watermark` remembers.
    #[must_use]
    pub fn watched_by(mut self, watermark: Arc<dyn Watermark>) -> Self {
        self.watermark = Some(watermark);
        self
    }

    fn note(&self, number: u64, body: Option<&[u8]>) {
        if let Some(watermark) = &self.watermark {
            watermark.note(&Mark::of(number, body));
        }
    }

    /// Returns the objects.
    pub fn objects(&self) -> &Arc<dyn Objects> {
        &self.objects
    }

    /// Returns the lease that everything is written under.
    pub fn held(&self) -> Option<Arc<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes under `held` from now on. The first line goes to the place where the holder before
    /// would write next, so that it can append nothing from here on.
    ///
    /// # Errors
    /// Returns an error if the lease is over, or if the bucket cannot be read or written.
    pub async fn fence(&self, held: Arc<Held>, owner: &Owner) -> Result<(), StoreError> {
        let line = Entry::Opened {
            version: JOURNAL_VERSION,
            cluster: owner.cluster.clone(),
            uuid: owner.uuid,
            lease: Some(held.generation()),
        };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        let bytes = journal::encode(0, Timestamp::now(), &line).map_err(|error| {
            StoreError::Damaged { name: JOURNAL.to_owned(), reason: error.to_string() }
        })?;
        let mut inner = self.inner.lock().await;
        loop {
            self.may_act()?;
            inner.listing = self.listing().await?;
            let number = inner.listing.next();
            if self.create(number, &bytes).await? {
                inner.listing.after.push(number);
                inner.fences.push(number);
                self.note(number, Some(&bytes));
                return Ok(());
            }
            // The holder before was faster by a line. That line counts; behind it is the end.
        }
    }

    /// Creates segment `number`. `false`: another one is there.
    async fn create(&self, number: u64, bytes: &[u8]) -> Result<bool, StoreError> {
        let key = segments::segment(number);
        if self.objects.put(&key, bytes.to_vec(), Only::New).await?.is_some() {
            return Ok(true);
        }
        // The answer to a first try may have been lost.
        Ok(self.objects.get(&key).await?.is_some_and(|there| there.bytes == bytes))
    }

    async fn listing(&self) -> Result<Listing, StoreError> {
        let mut tries = 0;
        loop {
            let keys = self.objects.list(segments::PREFIX).await?;
            match Listing::of(&keys) {
                Ok(listing) => return Ok(listing),
                // A page of the list may be from before a compaction and the next from after it.
                Err(_) if tries < LISTINGS_MAX => tries += 1,
                Err(missing) => {
                    return Err(segments::hole(self.objects.describe(segments::PREFIX), missing));
                }
            }
        }
    }

    /// Reads snapshot and segments as of one listing.
    async fn load(&self, inner: &mut Inner) -> Result<Option<Vec<u8>>, StoreError> {
        // Before the listing: another run here may note more while this one reads.
        let seen = match &self.watermark {
            Some(watermark) => watermark.seen()?,
            None => None,
        };
        for _ in 0..LISTINGS_MAX {
            let listing = self.listing().await?;
            let snapshot = match listing.snapshot {
                0 => None,
                number => match self.objects.get(&segments::snapshot(number)).await? {
                    Some(snapshot) => Some(snapshot.bytes),
                    None => continue,
                },
            };
            // A plain loop: a closure over references would not be general enough for a boxed
            // future.
            let mut gets = Vec::with_capacity(listing.after.len());
            for number in &listing.after {
                gets.push(self.segment(*number));
            }
            let segments: Vec<Option<Object>> =
                stream::iter(gets).buffered(PARALLEL).try_collect().await?;
            // One that is gone was covered by a newer snapshot meanwhile.
            let Some(segments) = segments.into_iter().collect::<Option<Vec<Object>>>() else {
                continue;
            };
            let end = listing.next() - 1;
            if let Some(seen) = &seen {
                let at = listing.after.iter().position(|number| *number == seen.number);
                let body = at.map(|at| segments[at].bytes.as_slice());
                seen.check(&self.objects.describe(segments::PREFIX), end, body)?;
            }
            let last = segments.last().map(|object| object.bytes.as_slice());
            if end > 0 {
                self.note(end, last);
            }
            let begins = |object: &Object| object.bytes.starts_with(br#"{"seq":0,"#);
            inner.fences = listing
                .after
                .iter()
                .zip(&segments)
                .filter_map(|(number, object)| begins(object).then_some(*number))
                .collect();
            let bytes = segments.into_iter().flat_map(|object| object.bytes).collect();
            inner.listing = listing;
            inner.read = Some(bytes);
            return Ok(snapshot);
        }
        let name = self.objects.describe(segments::PREFIX);
        let reason = "it changed while it was read, again and again".to_owned();
        Err(StoreError::Io { what: "read", name, reason, full: false })
    }

    async fn segment(&self, number: u64) -> Result<Option<Object>, StoreError> {
        self.objects.get(&segments::segment(number)).await
    }

    async fn append_segment(&self, inner: &mut Inner, bytes: &[u8]) -> Result<(), StoreError> {
        self.may_act()?;
        let number = inner.listing.next();
        if self.create(number, bytes).await? {
            inner.listing.after.push(number);
            self.note(number, Some(bytes));
            return Ok(());
        }
        // Only whoever took the lease over writes there.
        Err(match self.held() {
            Some(held) => held.lose().await,
            None => StoreError::Fenced { by: None },
        })
    }

    /// Removes what the newest snapshot covers, but for the youngest fences.
    async fn tidy(&self, inner: &mut Inner) -> Result<(), StoreError> {
        let snapshot = inner.listing.snapshot;
        // What an earlier snapshot covers and is still there are fences.
        let mut fences = inner.listing.covered.clone();
        fences.extend(inner.fences.iter().filter(|number| **number <= snapshot));
        let mut covered = inner.listing.covered.clone();
        covered.extend(inner.listing.after.iter().filter(|number| **number <= snapshot));
        fences.drain(..fences.len().saturating_sub(FENCES_MAX));
        let old = covered.iter().filter(|number| !fences.contains(number));
        let mut keys: Vec<String> = old.map(|number| segments::segment(*number)).collect();
        keys.extend(inner.listing.outdated.drain(..).map(segments::snapshot));
        let mut removals = Vec::with_capacity(keys.len());
        for key in &keys {
            removals.push(self.objects.remove(key));
        }
        let removed: Result<Vec<()>, StoreError> =
            stream::iter(removals).buffer_unordered(PARALLEL).try_collect().await;
        removed?;
        inner.listing.covered = fences;
        inner.listing.after.retain(|number| *number > snapshot);
        inner.fences.retain(|number| *number > snapshot);
        Ok(())
    }

    async fn write_snapshot(&self, inner: &mut Inner, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.may_act()?;
        // It says what the segments up to here say, whoever writes it.
        let number = inner.listing.next() - 1;
        if number == inner.listing.snapshot {
            return Ok(());
        }
        let key = segments::snapshot(number);
        self.objects.put(&key, bytes, Only::New).await?;
        if inner.listing.snapshot > 0 {
            let before = inner.listing.snapshot;
            inner.listing.outdated.push(before);
        }
        inner.listing.snapshot = number;
        inner.compacting = true;
        Ok(())
    }
}

#[async_trait]
impl Backend for Remote {
    fn describe(&self, name: &str) -> String {
        self.objects.describe(name)
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut inner = self.inner.lock().await;
        match name {
            SNAPSHOT => self.load(&mut inner).await,
            JOURNAL => {
                if inner.read.is_none() {
                    self.load(&mut inner).await?;
                }
                Ok(inner.read.take().filter(|bytes| !bytes.is_empty()))
            }
            _ => Ok(self.objects.get(name).await?.map(|object| object.bytes)),
        }
    }

    async fn replace(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let mut inner = self.inner.lock().await;
        match name {
            SNAPSHOT => self.write_snapshot(&mut inner, bytes).await,
            JOURNAL => {
                // Refused to whoever has lost the lease: then nothing is removed either.
                self.append_segment(&mut inner, &bytes).await?;
                if inner.compacting {
                    self.tidy(&mut inner).await?;
                    inner.compacting = false;
                }
                Ok(())
            }
            _ => {
                self.may_act()?;
                let only = match self.objects.get(name).await? {
                    Some(there) => Only::Unchanged(there.etag),
                    None => Only::New,
                };
                match self.objects.put(name, bytes, only).await? {
                    Some(_) => Ok(()),
                    None => Err(StoreError::Fenced { by: None }),
                }
            }
        }
    }

    async fn create_new(&self, name: &str, bytes: Vec<u8>) -> Result<bool, StoreError> {
        self.may_act()?;
        let written = self.objects.put(name, bytes.clone(), Only::New).await?.is_some();
        Ok(written || self.objects.get(name).await?.is_some_and(|there| there.bytes == bytes))
    }

    async fn append(&self, _: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let mut inner = self.inner.lock().await;
        self.append_segment(&mut inner, &bytes).await
    }

    async fn truncate(&self, _: &str, _: u64) -> Result<(), StoreError> {
        // An object is written whole or not at all.
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.may_act()?;
        self.objects.remove(name).await
    }

    fn may_act(&self) -> Result<(), StoreError> {
        match self.held() {
            Some(held) => held.check(),
            None => Err(StoreError::Fenced { by: None }),
        }
    }

    fn has_many_parts(&self) -> bool {
        self.inner.try_lock().is_ok_and(|inner| inner.listing.after.len() > SEGMENTS_MAX)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.objects.list(prefix).await
    }
}
