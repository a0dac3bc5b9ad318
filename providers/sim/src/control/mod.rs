//! The client of the control API: starting, inspecting and stopping an embedded cloud that runs in
//! its own process.

mod client;
mod spawn;
mod wire;

pub use client::Control;
pub use spawn::{start, stop};
pub(crate) use wire::{call as send, trusting};

pub use crate::control_api::{Inventory, Status};
