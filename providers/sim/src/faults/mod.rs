//! Faults to inject: what the cloud does wrong, when, and how often.

mod fault;
mod glob;
mod table;

pub use fault::{Api, Effect, Fault};
pub use glob::glob;
pub use table::FaultTable;

mod kube;
pub use kube::KubeFaults;
