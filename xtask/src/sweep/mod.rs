//! The real binary, killed or disturbed at every point of every scenario, then run again; and the
//! embedded cloud's own inventory says what became of it.

mod args;
mod base;
mod check;
mod cloud;
mod cloud_choice;
mod command;
mod corruption;
mod error;
mod fault;
mod faults;
mod gke_check;
mod gke_faults;
mod gke_scenario;
mod jobs;
mod kill;
mod lab;
mod lose;
mod point;
mod report;
mod scenario;
mod seed;

pub use args::{SweepArgs, run};
pub use base::{Base, Bases};
pub use check::{Shape, check};
pub use cloud_choice::Provider;
pub use corruption::{Damage, damages};
pub use error::SweepError;
pub use fault::{Disturbance, disturbances};
pub use faults::disturb;
pub use kill::{Reference, kill_at, kill_under, reference};
pub use lab::{Lab, Tools};
pub use lose::{lose_after_kill, lose_each};
pub use point::{Counts, Point, sample};
pub use report::{Outcome, Report};
pub use scenario::{Before, SUITE, Scenario, losses, scenarios};
pub use seed::Seed;
