//! When an object is ready, and why it is not.

mod health;
mod pods;
mod reader;
mod tracker;
mod workloads;

pub use health::Health;
pub(super) use health::{StorageClasses, health, needs_watch};
pub(super) use pods::{PodTrouble, selects, trouble};
pub(super) use tracker::{Seen, Tracker};
