//! Replacing nodes while the apps keep running.

mod baseline;
mod blockers;
mod bounds;
mod drain;
mod generations;
mod steps;

pub use baseline::{Broken, broken_workloads};
pub use blockers::{Blocker, blockers, unmanaged};
pub use bounds::{AtOnce, Bound, Rollout};
pub use drain::{DrainOptions, cordon, drain, uncordon};
pub use generations::{Generations, GenerationsError, Queue, existing};
pub use steps::{Step, steps};
