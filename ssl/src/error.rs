//! What can go wrong, each with what to do about it.

use std::path::{Path, PathBuf};

/// Shorthand for this crate's results.
pub type Result<T, E = SslError> = std::result::Result<T, E>;

/// Errors of this crate. None carries key material.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SslError {
    /// A file could not be read, written or listed.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried: "read", "write", "create folder".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A certificate authority's certificate is there, its key is not.
    #[error("{key} is missing, the key of {cert}", cert = cert.display(), key = key.display())]
    MissingKey {
        /// The certificate (or public key) that was found.
        cert: PathBuf,
        /// The key that was not.
        key: PathBuf,
    },
    /// A certificate authority's key is there, its certificate is not.
    #[error("{cert} is missing, the certificate of {key}", cert = cert.display(), key = key.display())]
    MissingCertificate {
        /// The certificate that was not found.
        cert: PathBuf,
        /// The key that was.
        key: PathBuf,
    },
    /// Key and certificate of an authority (or the two service-account keys) do not belong together.
    #[error("{key} does not belong to {cert}", cert = cert.display(), key = key.display())]
    KeyMismatch {
        /// The certificate or public key.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// An authority is past its end.
    #[error("the certificate authority {cert} expired at {expired}", cert = cert.display())]
    ExpiredAuthority {
        /// The authority's certificate.
        cert: PathBuf,
        /// The folder of the whole PKI.
        folder: PathBuf,
        /// When it ended (RFC 3339).
        expired: String,
    },
    /// The certificate in an authority's place may not sign others.
    #[error("{cert} is not a certificate authority (basic constraints say CA:FALSE)", cert = cert.display())]
    NotAnAuthority {
        /// The certificate.
        cert: PathBuf,
    },
    /// A file that does not hold what it should.
    #[error("{path} cannot be used: {reason}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A PEM text handed in is not usable.
    #[error("unusable {what}: {reason}")]
    Pem {
        /// "certificate", "key", "kubeconfig".
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Periods that contradict each other.
    #[error("validity: {0}")]
    Validity(String),
    /// A host name or address that cannot be put into a certificate.
    #[error("`{name}` cannot be put into a certificate: {reason}")]
    Name {
        /// The name as given.
        name: String,
        /// Why not.
        reason: String,
    },
    /// Signing or generating failed.
    #[error("cannot {action}: {reason}")]
    Crypto {
        /// "generate a key", "sign the certificate of admin".
        action: String,
        /// The library's reason.
        reason: String,
    },
    /// The kubeconfig has an entry of this name for another cluster.
    #[error(
        "{kind} `{name}` in {path} belongs to another server ({found}, not {wanted}); \
         rename it there, or overwrite it deliberately",
        path = path.display()
    )]
    KubeconfigConflict {
        /// The file.
        path: PathBuf,
        /// "cluster", "context" or "user".
        kind: &'static str,
        /// The entry's name.
        name: String,
        /// What it points at now.
        found: String,
        /// What this cluster would make of it.
        wanted: String,
    },
    /// Another program (kubectl does the same) holds the kubeconfig's lock.
    #[error(
        "{lock} exists: another program is changing the kubeconfig; if none is, remove that file",
        lock = lock.display()
    )]
    KubeconfigLocked {
        /// The lock file.
        lock: PathBuf,
    },
    /// No home folder and no KUBECONFIG.
    #[error("where the kubeconfig lies is unknown: neither KUBECONFIG nor HOME is set")]
    NoHome,
}

impl SslError {
    /// Wraps an I/O error with what was tried on which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> SslError {
        let path = path.to_path_buf();
        move |source| SslError::Io { action, path, source }
    }

    pub(crate) fn malformed(path: &Path, reason: impl ToString) -> SslError {
        SslError::Malformed { path: path.to_path_buf(), reason: reason.to_string() }
    }

    /// Says what to do about an authority that cannot be used.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            SslError::MissingKey { key, .. } => format!(
                "restore {} from a backup; no new one is made, because every node and kubeconfig of \
                 this cluster trusts the present one",
                key.display()
            ),
            SslError::MissingCertificate { cert, .. } => format!(
                "restore {} from a backup, or from any kubeconfig of this cluster \
                 (certificate-authority-data); no new one is made while its key is there",
                cert.display()
            ),
            SslError::KeyMismatch { .. } => "restore the pair from a backup; neither is \
                 overwritten, because the cluster trusts one of them"
                .to_owned(),
            SslError::ExpiredAuthority { folder, .. } => format!(
                "restore a renewed authority, or move the folder {} away and run `infra apply` to \
                 build the cluster anew; infra does not replace it, because every node would have to \
                 be replaced with it",
                folder.display()
            ),
            _ => return None,
        })
    }

    /// Returns a stable word for scripts and tests.
    pub fn code(&self) -> &'static str {
        match self {
            SslError::Io { .. } => "io",
            SslError::MissingKey { .. } => "missing-key",
            SslError::MissingCertificate { .. } => "missing-certificate",
            SslError::KeyMismatch { .. } => "key-mismatch",
            SslError::ExpiredAuthority { .. } => "expired-authority",
            SslError::NotAnAuthority { .. } => "not-an-authority",
            SslError::Malformed { .. } => "malformed",
            SslError::Pem { .. } => "pem",
            SslError::Validity(_) => "validity",
            SslError::Name { .. } => "name",
            SslError::Crypto { .. } => "crypto",
            SslError::KubeconfigConflict { .. } => "kubeconfig-conflict",
            SslError::KubeconfigLocked { .. } => "kubeconfig-locked",
            SslError::NoHome => "no-home",
        }
    }
}
