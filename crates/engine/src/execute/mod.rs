//! Doing what a plan says: along the graph, with no barriers, journaled.
//!
//! One task schedules (`run`); calls and waits are tasks of their own, and all end when the run's
//! future is dropped. A step is: resolve references, intent into the journal, call, result into the
//! journal, wait until ready or gone, that into the journal.

mod batch;
mod create;
mod effect;
mod fence;
mod job;
mod looker;
mod options;
mod outcome;
mod queue;
mod run;
mod settle;
mod start;
mod tries;
mod unanswered;

pub use options::ExecuteOptions;
pub use outcome::{Counts, FailedStep, Outcome, SkippedStep, Stopped};
pub use run::execute;
pub(crate) use unanswered::{Sought, Unclear, look_for};
