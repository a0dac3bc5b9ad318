//! Kubernetes clusters that run on simulated machines: started by `kubeadm init`, joined by further
//! machines, gone with the last control plane.

mod kube;
mod listener;
mod node_ports;
mod quorum;
mod record;
mod running;
mod signer;
mod table;
mod tokens;

pub use table::{ClusterRefusal, Clusters};

use std::sync::Arc;

use crate::sim::Sim;

/// What the cloud-controller-manager and the CSI driver of a cluster call.
fn cloud(sim: &Arc<Sim>) -> Arc<dyn infra_sim_kube::Cloud> {
    Arc::new(crate::cloud::CloudAccess::new(sim.clone()))
}
