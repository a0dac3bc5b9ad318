//! Jobs.

mod controller;
pub mod plan;

pub use controller::{Jobs, has_finished};
