//! Doing what a plan says: along the graph, with no barriers, journaled.
//!
//! One task schedules (`run`); calls and waits are tasks of their own, and all end when the run's
//! future is dropped. A step is: resolve references, intent into the journal, call, result into the
//! journal, wait until ready or gone, that into the journal.

mod batch;
mod completion;
mod create;
mod dispatch;
mod effect;
mod fence;
mod options;
mod outcome;
mod queue;
mod retry;
mod run;
mod task;
mod unanswered;
mod waiter;

pub use options::ExecuteOptions;
pub use outcome::{Counts, FailedStep, Outcome, SkippedStep, Stopped};
pub use run::execute;
pub(crate) use unanswered::{LookupError, LostCreate, look_for};
