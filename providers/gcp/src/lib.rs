//! Google Cloud: client, cluster model, one file a resource kind.
//!
//! [`Connection`] is where and as whom, [`Scope`] the few words of infra.toml that a listing needs, [`Gcp`] the
//! [`infra_provider_api::Provider`] made of both. The rest of the program sees [`CLOUD`] only.

mod choose;
mod client;
mod cloud;
mod connection;
mod container;
mod credentials;
mod fixed;
mod manifests;
mod model;
mod offer;
mod ownership;
mod preflight;
mod provider;
mod remarks;
mod resources;
mod scope;
mod sizes;
mod wire;

pub use cloud::CLOUD;
pub use connection::Connection;
pub use credentials::Tokens;
pub use manifests::MANIFESTS;
pub use provider::Gcp;
pub use resources::{
    AllowedSpec, FirewallSpec, FirstPool, GkeClusterSpec, IamBindingSpec, InstanceSpec, MadeSpec,
    ManagedZoneSpec, NatSpec, NetworkSpec, NodePoolSpec, PoolShape, RecordSpec, RouterSpec,
    ServiceAccountSpec, SubnetSpec,
};
pub use scope::{Scope, full_zone};
pub use sizes::{Size, Sizes};
