//! GKE's API: clusters, node pools, operations, versions.

mod autonomy;
mod cluster_work;
mod clusters;
mod create;
mod create_pool;
mod defaults;
mod engine;
mod find;
mod gke;
mod leftovers;
mod locks;
mod operations;
mod pool_changes;
mod pool_defaults;
mod pool_work;
mod pools;
mod rollout;
mod schema;
mod updates;
mod versions;
mod view;

pub use gke::Gke;

use super::http::Routes;

/// Adds the calls of this API.
pub fn add(routes: &mut Routes) {
    clusters::add(routes);
    pools::add(routes);
    operations::add(routes);
}
