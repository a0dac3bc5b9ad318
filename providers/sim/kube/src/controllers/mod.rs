//! The controllers of the embedded cloud's Kubernetes.

use tokio_util::sync::CancellationToken;

use crate::Cluster;

/// Starts the controllers; they end when `stop` is cancelled.
pub fn start(cluster: Cluster, stop: CancellationToken) {
    let _ = (cluster, stop);
}
