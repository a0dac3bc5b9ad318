//! Why the state cannot be used or moved.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::LockError;

/// Why state could not be moved. What was there is still there.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The state is in use.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// Something else is where it should go.
    #[error("cannot move {}: {} is there already and differs", from.display(), to.display())]
    Occupied {
        /// What should be moved.
        from: PathBuf,
        /// What is in the way.
        to: PathBuf,
    },
    /// A link would lead elsewhere from the new place.
    #[error("cannot move {}: it is a link to {}, which would lead elsewhere from {}", link.display(), target.display(), to.display())]
    Link {
        /// The link.
        link: PathBuf,
        /// What it contains.
        target: PathBuf,
        /// The new place of the link.
        to: PathBuf,
    },
    /// A file can't be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was to be done: read, copy.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Turns an error of a file into one that says what was to be done with which.
pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MoveError {
    let path = path.to_owned();
    move |source| MoveError::Io { doing, path, source }
}

/// Two folders have a state of the same cluster, and only one of them can be right.
#[derive(Debug, thiserror::Error)]
#[error("cannot tell which state of cluster {cluster} counts: there is one in {}, and one in {}, below the current folder", beside.display(), here.display())]
pub struct TwoStates {
    /// The cluster.
    pub cluster: String,
    /// The state beside infra.toml.
    pub beside: PathBuf,
    /// The state in the current folder.
    pub here: PathBuf,
    /// What `--state-dir` takes for the state beside infra.toml.
    pub folder: PathBuf,
}
