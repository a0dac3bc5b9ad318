//! The client of the control API: starting, inspecting and stopping an embedded cloud that runs in
//! its own process.

mod client;
mod spawn;
mod wire;

pub use client::Control;
pub use spawn::{start, stop};

pub use crate::control_api::{Inventory, Status};
