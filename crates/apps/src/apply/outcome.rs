//! What came of it.

use serde::{Deserialize, Serialize};

use crate::{AppsError, AppsEvent, ObjectId};

/// What sending an object changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was not there.
    Created,
    /// Fields changed.
    Updated,
    /// It was so already.
    Unchanged,
    /// It was deleted and recreated.
    Replaced,
}

/// What came of an apply or a delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was sent, and what that changed.
    pub applied: Vec<(ObjectId, Change)>,
    /// What was refused or did not get ready, and why.
    pub failed: Vec<(ObjectId, String)>,
    /// What was not sent because something it waits for failed: which, and that.
    pub skipped: Vec<(ObjectId, ObjectId)>,
    /// What was deleted.
    pub deleted: Vec<ObjectId>,
    /// What would have been deleted and is kept.
    pub kept: Vec<ObjectId>,
    /// Whether the user stopped it.
    pub stopped: bool,
}

impl Outcome {
    /// Counts the objects that `change` happened to.
    pub fn count(&self, change: Change) -> usize {
        self.applied.iter().filter(|(_, c)| *c == change).count()
    }

    /// Returns true if nothing failed, was skipped or stopped.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.skipped.is_empty() && !self.stopped
    }

    /// Returns the outcome if it is complete.
    ///
    /// # Errors
    /// Returns [`AppsError::Objects`] if an object failed, and [`AppsError::Cancelled`] if the run
    /// was stopped.
    pub fn into_result(self) -> Result<Self, AppsError> {
        if !self.failed.is_empty() {
            let skipped =
                self.skipped.into_iter().map(|(id, by)| (id, format!("not sent: {by} failed")));
            return Err(AppsError::Objects(self.failed.into_iter().chain(skipped).collect()));
        }
        if self.stopped { Err(AppsError::Cancelled) } else { Ok(self) }
    }

    pub(super) fn event(&self) -> AppsEvent {
        AppsEvent::Finished {
            created: self.count(Change::Created),
            updated: self.count(Change::Updated) + self.count(Change::Replaced),
            unchanged: self.count(Change::Unchanged),
            deleted: self.deleted.len(),
            failed: self.failed.len() + self.skipped.len(),
        }
    }
}
