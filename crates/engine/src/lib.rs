//! Graph, diff, plan and quorum (pure); observe, execute and recover (I/O).
//!
//! The way of a run: [`infra_state::lock`] → [`infra_state::Store::open`] → [`recover()`] →
//! [`observe`](observe()) → [`plan`](plan()) → [`execute`](execute()). The engine never names a cloud:
//! everything it calls is a [`infra_provider_api::Kind`].
#![allow(clippy::result_large_err, reason = "these errors end a run; their size costs nothing")]

pub mod confirm;
pub mod diff;
pub mod events;
pub mod execute;
pub mod graph;
pub mod kinds;
pub mod observe;
pub mod plan;
pub mod quorum;
pub mod recover;

pub use confirm::confirm;
pub use diff::{After, FieldChange};
pub use events::{Event, StepAction};
pub use execute::{ExecuteOptions, Outcome, execute};
pub use graph::{Graph, GraphError};
pub use kinds::{Kinds, KindsError};
pub use observe::{Observations, ObserveError, ObserveOptions, observe};
pub use plan::{Action, Change, Plan, PlanError, PlanInput, PlanOptions, plan};
pub use recover::{RecoverError, RecoverOptions, Recovered, recover};
