//! Appending: whoever comes first writes for all that wait, with one flush.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Store, StoreError,
    open::{JOURNAL, Shared, Unclean},
};
use crate::journal::{self, Entry, JOURNAL_VERSION};

/// Notes a write that was left without waiting for its end: its lines may be there or not, and any
/// that follow could leave a gap.
struct CutOff<'a> {
    store: &'a Store,
}

impl Drop for CutOff<'_> {
    fn drop(&mut self) {
        self.store.lock().failed = Some(StoreError::Io {
            what: "append to",
            name: self.store.backend.describe(JOURNAL),
            reason: "an earlier write was cut off".to_owned(),
            full: false,
        });
    }
}

impl Store {
    /// Appends `entries`. They are on the disk, and in [`Store::state`], when it returns.
    ///
    /// # Errors
    /// Returns an error if the disk is full, or if the file cannot be written. Nothing more is
    /// written then: each later call fails with that error.
    pub async fn append(&self, entries: impl IntoIterator<Item = Entry>) -> Result<(), StoreError> {
        let last = {
            let mut shared = self.lock();
            for entry in entries {
                shared.queued += 1;
                let seq = shared.queued;
                shared.queue.push_back((seq, entry));
            }
            shared.queued
        };
        let _writer = self.writer.lock().await;
        let now = Timestamp::now();
        let (bytes, taken) = {
            let mut shared = self.lock();
            if let Some(error) = &shared.failed {
                return Err(error.clone());
            }
            if shared.record.serial >= last {
                return Ok(());
            }
            (self.encode_queue(&mut shared, now)?, std::mem::take(&mut shared.queue))
        };
        let length = bytes.len() as u64;
        let cut_off = CutOff { store: self };
        let written = self.write(bytes).await;
        std::mem::forget(cut_off);
        match written {
            Ok(()) => {
                let mut shared = self.lock();
                shared.length += length;
                shared.unclean = Unclean::No;
                let record = Arc::make_mut(&mut shared.record);
                for (seq, entry) in taken {
                    record.apply(&entry, now);
                    record.serial = seq;
                }
                Ok(())
            }
            Err(error) => {
                let length = {
                    let mut shared = self.lock();
                    shared.failed = Some(error.clone());
                    shared.length
                };
                // So that the next run finds no torn line; if this fails, it copes with one.
                let _ = self.backend.truncate(JOURNAL, length).await;
                Err(error)
            }
        }
    }

    fn encode_queue(&self, shared: &mut Shared, now: Timestamp) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        if shared.unclean == Unclean::Absent {
            shared.length = 0;
            bytes.extend(encode(0, now, &self.first_line())?);
        }
        for (seq, entry) in &shared.queue {
            bytes.extend(encode(*seq, now, entry)?);
        }
        Ok(bytes)
    }

    async fn write(&self, bytes: Vec<u8>) -> Result<(), StoreError> {
        let (unclean, length) = {
            let shared = self.lock();
            (shared.unclean, shared.length)
        };
        match unclean {
            Unclean::Absent => return self.backend.replace(JOURNAL, bytes).await,
            Unclean::Torn => self.backend.truncate(JOURNAL, length).await?,
            Unclean::No => {}
        }
        self.backend.append(JOURNAL, bytes).await
    }

    fn first_line(&self) -> Entry {
        Entry::Opened {
            version: JOURNAL_VERSION,
            cluster: self.owner.cluster.clone(),
            uuid: self.owner.uuid,
            lease: None,
        }
    }

    /// Moves what the journal says into a snapshot and begins an empty journal, if the journal has
    /// grown to several times what it says. The lock must be held.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written; the old ones then still hold.
    pub async fn compact_if_grown(&self) -> Result<bool, StoreError> {
        const LEAST: u64 = 256 * 1024;
        const PER_RESOURCE: u64 = 8 * 1024;
        let grown = {
            let shared = self.lock();
            shared.length > LEAST + PER_RESOURCE * shared.record.resources.len() as u64
        };
        let grown = grown || self.backend.has_many_parts();
        if grown {
            self.compact().await?;
        }
        Ok(grown)
    }

    /// Moves what the journal says into a snapshot and begins an empty journal. The lock must be
    /// held.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written; the old ones then still hold.
    pub async fn compact(&self) -> Result<(), StoreError> {
        let _writer = self.writer.lock().await;
        let record = self.state();
        let bytes =
            super::snapshot::encode(&record, &self.owner).map_err(|error| garbled(&error))?;
        // A crash between the two leaves lines in the journal that the snapshot already covers;
        // their numbers tell, and they are skipped.
        self.backend.replace(super::open::SNAPSHOT, bytes).await?;
        let first = encode(0, Timestamp::now(), &self.first_line())?;
        let length = first.len() as u64;
        self.backend.replace(JOURNAL, first).await?;
        let mut shared = self.lock();
        shared.length = length;
        shared.unclean = Unclean::No;
        Ok(())
    }
}

fn encode(seq: u64, at: Timestamp, entry: &Entry) -> Result<Vec<u8>, StoreError> {
    journal::encode(seq, at, entry).map_err(|error| garbled(&error))
}

fn garbled(error: &serde_json::Error) -> StoreError {
    StoreError::Damaged { name: JOURNAL.to_owned(), reason: error.to_string() }
}
