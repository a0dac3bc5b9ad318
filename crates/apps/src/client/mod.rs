//! Talking to a cluster: the connection, what it serves, retried calls.

mod call;
mod call_log;
mod catalog;
mod connect;
mod failure;
mod objects;
mod token;

pub use catalog::{Catalog, Target};
pub use connect::{ClusterRef, KubeClient};
pub use failure::explain;
pub(super) use failure::{conflicts, is_gone, is_immutable, refusal};
pub(super) use objects::{identity, listed, live_objects};
