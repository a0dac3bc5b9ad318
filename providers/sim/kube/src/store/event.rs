use std::sync::Arc;

use serde_json::Value;

use super::resource::Resource;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It was created.
    Added,
    /// It was changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// A change of one object.
#[derive(Debug, Clone)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The kind of the object.
    pub resource: Resource,
    /// The object after the change; for `Deleted` its last form, with the revision of the deletion.
    pub object: Arc<Value>,
    /// The object before the change.
    pub previous: Option<Arc<Value>>,
    /// The revision of the change.
    pub rv: u64,
}

/// The changes asked for are no longer in the history: list again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version: {since} ({oldest})")]
pub struct Gone {
    /// The revision asked for.
    pub since: u64,
    /// The oldest revision still known.
    pub oldest: u64,
}
