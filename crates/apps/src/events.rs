//! What the library tells while it works.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Change, ObjectId};

/// One thing that happened. Holds no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AppsEvent {
    /// An apply or delete begins.
    Started {
        /// The suite.
        suite: String,
        /// How many objects.
        objects: usize,
    },
    /// An object is sent.
    Applying {
        /// Which.
        object: ObjectId,
    },
    /// The API server has it.
    Applied {
        /// Which.
        object: ObjectId,
        /// What that changed.
        change: Change,
    },
    /// It is not ready, and this is why; sent again whenever the reason changes.
    Waiting {
        /// Which.
        object: ObjectId,
        /// Why.
        reason: String,
    },
    /// It is ready.
    Ready {
        /// Which.
        object: ObjectId,
        /// Since it was sent.
        elapsed_ms: u64,
    },
    /// It was refused or did not get ready.
    Failed {
        /// Which.
        object: ObjectId,
        /// Why.
        message: String,
    },
    /// It was not sent, because what it waits for failed.
    Skipped {
        /// Which.
        object: ObjectId,
        /// What failed.
        because: ObjectId,
    },
    /// It left the suite (or the suite goes) and is deleted.
    Deleting {
        /// Which.
        object: ObjectId,
    },
    /// It is gone.
    Deleted {
        /// Which.
        object: ObjectId,
    },
    /// It left the suite and is kept.
    Kept {
        /// Which.
        object: ObjectId,
        /// Why.
        reason: String,
    },
    /// A call is made again after a pause.
    Retrying {
        /// Why.
        message: String,
        /// The pause, milliseconds.
        pause_ms: u64,
    },
    /// The end, with counts.
    Finished {
        /// Created.
        created: usize,
        /// Updated.
        updated: usize,
        /// As they were.
        unchanged: usize,
        /// Deleted.
        deleted: usize,
        /// Refused, not ready or skipped.
        failed: usize,
    },
}

/// Where events go. Clones go to the same place.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(AppsEvent) + Send + Sync>);

impl Events {
    /// Events go to `sink`, which must not block.
    pub fn new(sink: impl Fn(AppsEvent) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Events go nowhere.
    pub fn quiet() -> Self {
        Self::new(|_| {})
    }

    /// Sends one.
    pub fn send(&self, event: AppsEvent) {
        (self.0)(event);
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::quiet()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}
