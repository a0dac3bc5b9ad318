//! What a run will do: a pure function of declared, observed and recorded.

mod action;
mod bound;
mod canonical;
mod change;
mod error;
mod file;
mod index;
mod make;
mod model;
mod options;
mod ordering;
mod orphans;
mod planner;
mod renew;
mod steps;
mod targeting;

pub use action::Action;
pub(crate) use canonical::canonical_text;
pub use change::Change;
pub use error::PlanError;
pub use file::{PlanFileError, fingerprint};
pub use make::plan;
pub use model::{PLAN_VERSION, Plan};
pub use options::{PlanInput, PlanOptions};
pub use steps::{Step, Steps};
