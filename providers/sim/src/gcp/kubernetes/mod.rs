//! The clusters of GKE that really run: API servers, their controllers, the Nodes of the pools.

mod access;
pub mod nodes;
pub mod objects;
pub mod pki;
mod running;

pub use running::{Ranges, Running, folder, new_endpoint};
