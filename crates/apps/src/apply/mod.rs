//! Applying a suite and taking it away.

mod delete;
mod ensure;
mod options;
mod outcome;
mod prune;
mod remove;
mod restart;
mod run;
mod schedule;
mod send;
mod waits;

pub use delete::delete;
pub use options::{ApplyOptions, DeleteOptions, Force, Protection};
pub use outcome::{Change, Outcome};
pub use restart::restart;
pub use run::apply;
