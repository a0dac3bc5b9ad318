//! Load balancers that really listen and forward.

mod forward;
mod listeners;
mod status;

pub use listeners::Balancers;
pub use status::{ListenerStatus, TargetStatus};
