//! AWS: client, kinds, and the model of a cluster on it.
//!
//! [`Connection`] is where and as whom (the SDK's default chain), [`Scope`] the few words of
//! infra.toml that a listing needs, [`Aws`] the [`infra_provider_api::Provider`] made of both. The rest of
//! the program sees [`CLOUD`] only.

mod choose;
mod client;
mod cloud;
mod connection;
mod images;
mod manifests;
mod model;
mod ownership;
mod policies;
mod preflight;
mod provider;
mod regions;
mod remarks;
mod resources;
mod scope;
mod sizes;

pub use cloud::CLOUD;
pub use connection::{Connection, ObjectStore};
pub use manifests::MANIFESTS;
pub use ownership::cluster_id;
pub use provider::Aws;
pub use scope::Scope;
pub use sizes::{Size, Sizes};
