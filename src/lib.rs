//! `infra`: from one TOML file to running apps.

// First, so that its macros hold in all that follows.
#[macro_use]
mod print;
mod visible;

pub mod apps;
pub mod cli;
pub mod clouds;
pub mod engine;
pub mod etcd;
#[doc(hidden)]
pub mod fuzz;
pub mod quorum;
pub mod remote;
pub mod resources;
pub mod rotate;
pub mod session;
pub mod spec;
pub mod ui;
