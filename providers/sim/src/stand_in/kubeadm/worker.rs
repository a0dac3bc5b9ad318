//! What a worker's `kubeadm join` file asks for, read without a machine: for fast machines.

use std::time::Duration;

use super::documents::parse_join;
use super::node::described;
use super::types::NodeRegistration;
use crate::stand_in::values::duration;
use crate::stand_in::{Failure, NodeSpec};

/// A worker that is about to join.
#[derive(Debug, Clone)]
pub struct Worker {
    registration: NodeRegistration,
    /// The bootstrap token, `id.secret`.
    pub token: String,
    /// Pins of the authority.
    pub pins: Vec<String>,
    /// How long it waits for its cluster.
    pub patience: Duration,
}

/// Reads the file as strictly as `kubeadm join` does.
///
/// # Errors
/// Returns an error in kubeadm's words; also if it is a control plane's file.
pub fn read_worker(text: &str) -> Result<Worker, Failure> {
    let join = parse_join(text)?.join;
    if join.control_plane.is_some() {
        return Err(Failure::new("the file is that of a control plane"));
    }
    let Some(discovery) = join.discovery.bootstrap_token else {
        return Err(Failure::new("discovery: bootstrapToken must be set"));
    };
    let patience = join.timeouts.discovery.as_deref().and_then(duration);
    Ok(Worker {
        registration: join.node_registration,
        token: discovery.token,
        pins: discovery.ca_cert_hashes,
        patience: patience.unwrap_or(Duration::from_secs(300)),
    })
}

impl Worker {
    /// Describes the node as its kubelet will register it.
    ///
    /// # Errors
    /// Returns an error as `kubeadm join` does: labels that a kubelet may not give itself, an
    /// unknown cloud provider.
    pub fn node(&self, hostname: &str, kubelet_version: String) -> Result<NodeSpec, Failure> {
        let name = match self.registration.name.as_str() {
            "" => hostname,
            name => name,
        };
        described(&self.registration, false, name.to_owned(), kubelet_version)
    }
}
