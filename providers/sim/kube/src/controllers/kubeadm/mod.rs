//! What `kubeadm init` leaves in a cluster: static pods of control planes, CoreDNS, kube-proxy.

mod addons;
mod rbac;
mod static_pods;

pub use addons::{KubeadmAddons, kubeadm_addons};
pub use static_pods::{ControlPlane, add_static_pods};

use serde_json::Value;

use super::error::ControllerError;
use crate::{Resource, Store, StoreError};

/// Creates an object unless it is there: kubeadm may run again.
fn ensure(store: &Store, r: &Resource, o: Value) -> Result<(), ControllerError> {
    match store.create(r, o) {
        Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
