//! `infra`: from one TOML file to running apps.

// First, so that its macros hold in all that follows.
#[macro_use]
mod print;

pub mod cli;
pub mod clouds;
pub mod cluster;
pub mod config;
pub mod etcd;
#[doc(hidden)]
pub mod fuzz;
pub mod kube_access;
pub mod logs;
pub mod rotate;
pub mod session;
pub mod state_bucket;
pub mod ui;

pub use infra_apps as apps;
pub use infra_engine as engine;
use infra_provider_api::visible;
pub use infra_state as state;
