use std::path::PathBuf;

/// Why a cluster of the embedded cloud could not be opened or served.
#[derive(Debug, thiserror::Error)]
pub enum KubeError {
    /// A file of the object store could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The object store refused what the cluster needs to exist.
    #[error("object store: {0}")]
    Store(#[from] crate::StoreError),
    /// The certificate, key or certificate authority does not fit.
    #[error("TLS: {0}")]
    Tls(String),
    /// The listener failed.
    #[error("listener: {0}")]
    Listener(std::io::Error),
    /// An option has no sense.
    #[error("{0}")]
    Option(String),
}
