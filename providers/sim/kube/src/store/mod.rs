//! The object store: in memory, persisted in an append-only log, one revision counter for all, as
//! etcd has it.

mod error;
mod event;
mod history;
mod log;
mod object;
mod resource;
mod state;
mod watch;
mod write;

pub use error::StoreError;
pub use event::{Event, EventKind, Gone};
pub(crate) use object::{is_terminating, meta_mut, name_of, namespace_of, timestamp};
pub use resource::Resource;
pub use state::Store;
pub use watch::WatchStream;
pub(crate) use write::mark_terminating;
