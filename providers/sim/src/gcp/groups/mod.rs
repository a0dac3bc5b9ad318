//! Compute Engine's instances and the groups that GKE makes of them, and what a project, a region and a
//! zone are.

mod boots;
mod changes;
mod instances;
pub mod machine_types;
mod managers;
mod model;
pub mod names;
mod projects;
pub mod subnets;

pub use model::{create, node_tag, of_pool, remove, settle};
pub use projects::check_cpus;

use super::http::Routes;
use crate::world::State;

/// The base URL of Compute Engine's links.
pub const BASE: &str = "https://www.googleapis.com/compute/v1";

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    projects::add(routes);
    instances::add(routes);
    managers::add(routes);
    changes::add(routes);
}

/// Removes an instance that is gone, and what hung on it.
pub fn forget(w: &mut State, seq: u64) {
    w.instances.remove(seq);
}
