//! `infra`: from one TOML file to running apps.

pub mod apps;
pub mod cli;
pub mod clouds;
pub mod engine;
pub mod resources;
pub mod rotate;
pub mod session;
pub mod spec;
pub mod ui;
