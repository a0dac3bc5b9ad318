//! The graph of declared resources: edges are references and `depends_on`. Pure.

mod build;
mod error;
mod order;
mod render;

pub use build::Graph;
pub use error::GraphError;
pub(crate) use order::{find_cycle, tangled, topological};
