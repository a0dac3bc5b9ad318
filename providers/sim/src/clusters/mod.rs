//! Kubernetes clusters that run on simulated machines: started by `kubeadm init`, joined by further
//! machines, gone with the last control plane.

mod admission;
mod etcd;
mod fast;
mod ingress;
mod ingress_tls;
mod kube;
mod leader;
mod listener;
mod member_rules;
mod members;
pub(crate) mod node_ports;
mod quorum;
mod reach;
#[cfg(test)]
mod real_etcd;
mod record;
mod running;
mod serving;
mod signer;
mod table;
mod tokens;

pub use table::{ClusterRefusal, Clusters};
