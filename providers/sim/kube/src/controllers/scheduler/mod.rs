//! The scheduler.

mod affinity;
mod bind;
mod controller;
mod filter;
mod report;
mod snapshot;

pub use controller::Scheduler;
