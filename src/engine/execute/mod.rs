//! Doing what a plan says: along the graph, with no barriers, journaled.

mod options;
mod outcome;
mod run;

pub use options::ExecuteOptions;
pub use outcome::{Counts, FailedStep, Outcome, SkippedStep, Stopped};
pub use run::execute;
