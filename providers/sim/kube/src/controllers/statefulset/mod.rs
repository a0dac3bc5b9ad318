//! StatefulSets.

mod claims;
mod controller;
pub mod plan;

pub use controller::StatefulSets;
