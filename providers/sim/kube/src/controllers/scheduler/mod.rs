//! The scheduler.

mod affinity;
mod bind;
mod controller;
mod filter;
mod report;
mod snapshot;

pub use bind::{SELECTED_NODE, claim_names};
pub use controller::Scheduler;
