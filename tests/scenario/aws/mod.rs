//! AWS, up to the infrastructure, from the built binary against `moto`.

mod absence;
mod api_access;
mod crash;
mod idempotence;
mod isolation;
pub mod lab;
mod life;
mod moto;
mod not_ours;
mod record;
mod refusals;
#[path = "../../sweep/runs.rs"]
mod runs;
mod strangers;
#[path = "../../sweep/troubled.rs"]
mod troubled;
