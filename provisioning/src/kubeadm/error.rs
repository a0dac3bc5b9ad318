//! Inputs that cannot become a configuration.

/// Errors of rendering.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KubeadmError {
    /// A field that kubeadm or the API server would refuse.
    #[error("node {node}: {field}: {reason}")]
    Invalid {
        /// Node name.
        node: String,
        /// Field of the input.
        field: &'static str,
        /// Why; never the value of a secret.
        reason: String,
    },
    /// Writing YAML failed.
    #[error("node {node}: cannot write the configuration: {reason}")]
    Yaml {
        /// Node name.
        node: String,
        /// The library's reason.
        reason: String,
    },
}
