//! The DigitalOcean API.

mod account;
mod actions;
mod answer;
mod body;
mod catalog_routes;
mod domains;
mod droplets;
mod faulty;
mod firewalls;
mod guard;
mod images;
mod keys;
mod limiter;
mod listing;
mod load_balancers;
mod names;
mod projects;
mod records;
mod refusal;
mod reserved_ips;
mod scopes;
mod spaces_keys;
mod stats;
mod tags;
mod volumes;
mod vpcs;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;

pub use answer::{Answer, Reply};
pub use body::Body;
pub use droplets::remove as remove_droplet;
pub use faulty::Cut;
pub(crate) use faulty::{after as fault_after, before as fault_before};
pub use guard::authorized;
pub use limiter::Limiter;
pub use listing::{Listing, Shift, SmallPages, Stale};
pub use load_balancers::{Spec as LoadBalancerSpec, model as load_balancer_model};
pub use projects::ensure_default as ensure_defaults;
pub use records::full_name as record_name;
pub use refusal::Refusal;
pub use spaces_keys::first as first_spaces_key;
pub use stats::Stats;
pub use volumes::model as volume_model;

use crate::sim::Sim;

/// What the handlers share.
pub struct Api {
    /// The embedded cloud.
    pub sim: Arc<Sim>,
    /// Rate limits.
    pub limiter: Limiter,
    /// Calls counted.
    pub stats: Stats,
}

/// The state of a handler.
pub type Ctx = axum::extract::State<Arc<Api>>;

/// User-data is at most 64 KiB, so no sane body is larger than this.
const BODY_MAX_BYTES: usize = 1 << 20;

impl Api {
    /// Makes the API over an embedded cloud.
    pub fn new(sim: Arc<Sim>) -> Arc<Self> {
        Arc::new(Self { limiter: Limiter::new(sim.clock.clone()), stats: Stats::default(), sim })
    }
}

/// Routes everything below `/v2`.
pub fn router(api: Arc<Api>) -> Router {
    let routes = Router::new()
        .merge(account::routes())
        .merge(keys::routes())
        .merge(actions::routes())
        .merge(catalog_routes::routes())
        .merge(images::routes())
        .merge(droplets::routes())
        .merge(vpcs::routes())
        .merge(firewalls::routes())
        .merge(load_balancers::routes())
        .merge(domains::routes())
        .merge(records::routes())
        .merge(volumes::routes())
        .merge(tags::routes())
        .merge(reserved_ips::routes())
        .merge(projects::routes())
        .merge(spaces_keys::routes());
    Router::new()
        .nest("/v2", routes)
        .fallback(|| async { Refusal::not_found() })
        .method_not_allowed_fallback(|| async { Refusal::method_not_allowed() })
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(from_fn_with_state(api.clone(), guard::guard))
        .with_state(api)
}
