//! DaemonSets.

mod controller;
pub mod plan;
mod pod;

pub use controller::DaemonSets;
