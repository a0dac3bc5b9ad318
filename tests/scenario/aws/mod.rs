//! AWS, up to the infrastructure, from the built binary against `moto`.

mod absence;
mod api_access;
mod crash;
#[path = "../../sweep/failing_kinds.rs"]
mod failing_kinds;
mod idempotence;
mod isolation;
pub mod lab;
mod lifecycle;
mod moto;
mod not_ours;
mod record;
mod refusals;
#[path = "../../sweep/runs.rs"]
mod runs;
mod strangers;
