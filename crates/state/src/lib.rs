//! The state of a cluster: what was created, as it was last seen, and what is under way.
//!
//! A [`Store`] holds it: a snapshot and a [`journal`] that is written before each effect, in a folder or
//! in a bucket. A [`lock`] keeps two runs apart. Nothing here knows a cloud or a plan.
#![allow(clippy::result_large_err, reason = "these errors end a run; their size costs nothing")]

mod error;
pub mod home;
pub mod journal;
mod layout;
pub mod lock;
mod persister;
pub mod remote;
mod resources;
pub mod store;

pub use error::{StateError, StateErrorKind};
pub use layout::ClusterLayout;
pub use lock::{Lock, LockError, LockOptions, remote::RemoteLock};
pub use persister::Persister;
pub use resources::{IntentAction, KeptFile, OpenIntent, Recent, ResourceState, State};
pub use store::{Store, StoreError};
