//! What a run will do: a pure function of declared, observed and recorded.

mod action;
mod bound;
mod canonical;
mod change;
mod decide;
mod error;
mod file;
mod link;
mod make;
mod options;
mod plan_type;
mod renew;
mod select;
mod steps;
mod undeclared;
mod world;

pub use action::Action;
pub(crate) use canonical::canonical_text;
pub use change::Change;
pub use error::PlanError;
pub use file::{PlanFileError, fingerprint};
pub use make::plan;
pub use options::{PlanInput, PlanOptions};
pub use plan_type::{PLAN_VERSION, Plan};
pub use steps::{Step, Steps};
