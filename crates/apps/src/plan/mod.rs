//! What an apply would do, object by object and field by field.

mod diff;
mod dry_run;
mod model;
mod prepare;
mod run;
mod single;

pub(super) use diff::fields;
pub(super) use dry_run::may_be_replaced;
pub use model::{Action, AppsPlan, Conflict, Counts, FieldChange, ObjectChange};
pub(super) use prepare::{Prepared, namespace_id, prepare};
pub use run::{PlanOptions, plan, plan_with};
