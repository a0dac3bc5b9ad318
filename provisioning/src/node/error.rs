//! What can go wrong with a node's files.

use crate::artifacts::ArtifactError;
use crate::kubeadm::KubeadmError;
use crate::userdata::UserDataError;
use infra_object_store::StoreError;

/// Errors of preparing a node.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeKitError {
    /// The configuration.
    #[error(transparent)]
    Kubeadm(#[from] KubeadmError),
    /// User-data.
    #[error(transparent)]
    UserData(#[from] UserDataError),
    /// The bucket.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Artifacts.
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
    /// The lock is for another version than the node.
    #[error(
        "{node} runs Kubernetes {wanted}, artifacts.lock is for {locked}; run `infra artifacts fetch`"
    )]
    VersionMismatch {
        /// Node name.
        node: String,
        /// The node's version.
        wanted: String,
        /// The lock's.
        locked: String,
    },
    /// A control plane without the files of the PKI, or a worker with them.
    #[error("{node}: {reason}")]
    Pki {
        /// Node name.
        node: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// An archive could not be made.
    #[error("{node}: cannot make {archive}: {reason}")]
    Archive {
        /// Node name.
        node: String,
        /// File name.
        archive: &'static str,
        /// Why.
        reason: String,
    },
    /// A node's report is not readable.
    #[error("the boot report of {node} cannot be read: {reason}")]
    Status {
        /// Node name.
        node: String,
        /// Why.
        reason: String,
    },
}
