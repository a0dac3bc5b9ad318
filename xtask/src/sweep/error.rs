//! What can end a case.

use std::path::PathBuf;

use infra_sim::SimError;

/// What can end a case.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// A promise was broken.
    #[error("{0}")]
    Broken(String),
    /// The embedded cloud.
    #[error("the embedded cloud: {0}")]
    Cloud(#[from] SimError),
    /// The harness itself.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl SweepError {
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// Adds more text to read, if a promise was broken.
    pub(super) fn with(self, more: &str) -> Self {
        match self {
            Self::Broken(text) => Self::Broken(format!("{text}\n{more}")),
            other => other,
        }
    }

    pub(super) fn broken(text: impl Into<String>) -> Self {
        Self::Broken(text.into())
    }
}
