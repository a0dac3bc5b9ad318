//! Replacing nodes while the apps keep running.

mod blockers;
mod drain;
mod generations;

pub use blockers::{Blocker, blockers};
pub use drain::{DrainOptions, cordon, drain, uncordon};
pub use generations::{Generations, GenerationsError, existing};
