//! Context of a request: the data that every handler works with. It calls no handler, so that all of
//! them can depend on it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::registry::Registry;
use super::shared::Shared;
use crate::Cluster;

/// What every request needs.
pub(crate) struct Server {
    pub(crate) cluster: Cluster,
    pub(crate) registry: Registry,
    pub(crate) shared: Arc<Shared>,
    /// Ends watches when the server stops.
    pub(crate) stop: CancellationToken,
}

impl Server {
    /// Makes an API server of this cluster, which ends when `stop` is cancelled.
    pub(crate) fn new(cluster: Cluster, stop: CancellationToken) -> Self {
        let registry = Registry::new(cluster.store().clone());
        let shared = cluster.shared().clone();
        Self { cluster, registry, shared, stop }
    }
}
