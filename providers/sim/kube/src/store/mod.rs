//! The object store: in memory, persisted in an append-only log, one revision counter for all, as
//! etcd has it.

mod event;
mod history;
mod log;
mod object;
mod resource;
mod state;
mod write;

pub use event::{Event, EventKind, Gone, WatchStream};
pub(crate) use object::{is_terminating, meta_mut, name_of, namespace_of, timestamp};
pub use resource::Resource;
pub use state::{Store, StoreError};
pub(crate) use write::mark_terminating;
