//! What is wrong with a version, or with the list of all.

/// Why versions cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionsError {
    /// The list in the program is damaged.
    #[error("cannot read the list of versions in this program: {0}")]
    Damaged(String),
    /// A text is no version.
    #[error("{0:?} is not a Kubernetes version")]
    NotAVersion(String),
}
