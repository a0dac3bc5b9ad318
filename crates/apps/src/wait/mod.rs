//! When an object is ready, and why it is not.

mod builtin;
mod gateway;
mod generic;
mod health;
mod pods;
mod reader;
mod rule;
mod tracker;
mod workloads;

pub(super) use generic::is_unreported;
pub use health::Health;
pub(super) use health::{Judge, StorageClasses};
pub(super) use pods::{PodTrouble, selects, trouble};
pub use rule::{ConditionIs, Until, WaitRule};
pub(super) use tracker::{Seen, Tracker};

#[cfg(test)]
mod tests;
