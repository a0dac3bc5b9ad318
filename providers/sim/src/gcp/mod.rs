//! Google Cloud, as far as GKE needs it: containers, compute, DNS.

pub mod account;
pub mod balancing;
pub mod compute;
pub mod container;
pub mod dns;
pub mod groups;
pub mod http;
pub mod iam;
mod inventory;
pub mod kubernetes;
pub mod places;

use std::sync::Arc;

pub use account::GcpAccount;
pub use inventory::inventory;

use crate::api::Api;
use crate::sim::Sim;
use http::Routes;

/// What the handlers of Google's APIs share.
pub struct Gcp {
    /// The API that counts the calls, and the embedded cloud behind it.
    pub api: Arc<Api>,
    /// What runs behind GKE's API.
    pub gke: Arc<container::Gke>,
}

impl Gcp {
    /// Makes the APIs over an embedded cloud.
    pub fn new(api: Arc<Api>) -> Arc<Self> {
        let gke = container::Gke::new(api.sim.clone());
        Arc::new(Self { api, gke })
    }

    /// Returns the embedded cloud.
    pub fn sim(&self) -> &Arc<Sim> {
        &self.api.sim
    }

    /// Returns the project and its token.
    pub fn account(&self) -> &GcpAccount {
        &self.api.sim.gcp
    }
}

/// Returns all routes. Each part of the cloud adds its own.
pub fn routes() -> Routes {
    let mut routes = Routes::default();
    compute::add(&mut routes);
    container::add(&mut routes);
    groups::add(&mut routes);
    dns::add(&mut routes);
    iam::add(&mut routes);
    routes
}

/// Continues what a predecessor left under way.
pub fn resume(sim: &Arc<Sim>) {
    compute::resume(sim);
    dns::resume(sim);
}
