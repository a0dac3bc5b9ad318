//! Kubernetes clusters that run on simulated machines: started by `kubeadm init`, joined by further
//! machines, gone with the last control plane.

mod admission;
mod etcd;
mod fast;
mod ingress;
mod kube;
mod listener;
mod members;
mod node_ports;
mod quorum;
mod record;
mod running;
mod signer;
mod table;
mod tokens;

pub use table::{ClusterRefusal, Clusters};
