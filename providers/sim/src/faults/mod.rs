//! Faults to inject: what the cloud does wrong, when, and how often.

pub(crate) mod client;
mod fault;
mod glob;
mod table;

pub use fault::{Api, Effect, Fault};
pub use glob::glob;
pub use table::{FaultTable, SetFault};

mod kube;
pub use kube::KubeFaults;
