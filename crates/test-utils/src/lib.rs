//! What tests and measuring tools share. No product code depends on it, and it depends on none, so that
//! tests of every package can use it.

mod cluster_toml;
pub mod discovery;
mod folder;
pub mod recordings;

pub use cluster_toml::{ClusterToml, KUBERNETES, POD_RANGE};
pub use folder::Folder;
