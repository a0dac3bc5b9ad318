//! Deployments.

mod controller;
pub mod plan;
mod sets;
mod status;

pub use controller::Deployments;
