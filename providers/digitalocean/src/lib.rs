//! DigitalOcean: client, cluster model, one file a resource kind.
//!
//! [`Connection`] is where and as whom, [`Scope`] the few words of infra.toml that a listing needs,
//! [`DigitalOcean`] the [`infra_provider_api::Provider`] made of both. The rest of the program sees [`CLOUD`]
//! only.

mod choose;
mod client;
mod cloud;
mod connection;
#[doc(hidden)]
pub mod fuzz;
mod manifests;
mod model;
mod object_store;
mod ownership;
mod preflight;
mod provider;
mod resources;
mod scope;
mod sizes;
mod wire;

pub use cloud::CLOUD;
pub use connection::{Connection, SpacesKeys};
pub use manifests::MANIFESTS;
pub use object_store::ObjectStore;
pub use ownership::{cluster_id, intent_tag, node_tag, pool_tag, revision_tag, role_tag};
pub use provider::DigitalOcean;
pub use resources::{
    ApiAccessSpec, BucketSpec, DomainSpec, DropletSpec, FirewallSpec, ForwardingRule, HealthCheck,
    LoadBalancerSpec, MadeLoadBalancerSpec, RecordSpec, RuleSpec, SshKeySpec, VolumeSpec, VpcSpec,
};
pub use scope::Scope;
pub use sizes::{Size, Sizes};
