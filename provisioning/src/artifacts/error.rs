//! What can go wrong with artifacts.

use std::path::{Path, PathBuf};

use infra_object_store::StoreError;

/// Errors of fetching, verifying and syncing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// A Kubernetes version that is not in the catalog.
    #[error("Kubernetes {version} is not known; known are {known}")]
    UnknownVersion {
        /// As asked for.
        version: String,
        /// The minor versions of the catalog.
        known: String,
    },
    /// The catalog in the program is damaged.
    #[error("the artifact catalog cannot be read: {0}")]
    Catalog(String),
    /// A file could not be read or written.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// Verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A download failed.
    #[error(
        "cannot download {name} from {url}: {reason}; on a machine without internet, \
         take the files from a folder with `infra artifacts fetch --from DIR`"
    )]
    Download {
        /// Artifact.
        name: String,
        /// Where from.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The publisher's list has no checksum for the file.
    #[error("{url} lists no SHA-256 for {file}")]
    NoChecksum {
        /// The list.
        url: String,
        /// The file looked for.
        file: String,
    },
    /// A file is not what it should be.
    #[error("checksum mismatch for {name}: expected {expected}, found {found}")]
    Mismatch {
        /// Artifact with version.
        name: String,
        /// SHA-256, hex.
        expected: String,
        /// SHA-256, hex.
        found: String,
    },
    /// The publisher's checksum is no longer the one in the lock.
    #[error(
        "the published checksum of {name} changed: artifacts.lock pins {pinned}, published is {published}; \
         if that is meant, remove its entry from the lock"
    )]
    PinChanged {
        /// Artifact with version.
        name: String,
        /// SHA-256 in the lock.
        pinned: String,
        /// SHA-256 published now.
        published: String,
    },
    /// A publisher's checksum, or a local file's, is not the one that the program knows.
    #[error(
        "{name} is not the file that this version of infra knows: expected SHA-256 {known}, {place} has \
         {found}; do not use it before you know why"
    )]
    NotKnown {
        /// Artifact with version.
        name: String,
        /// SHA-256 in the catalog.
        known: String,
        /// Where the other one is.
        place: String,
        /// That SHA-256.
        found: String,
    },
    /// A local folder has not what is needed.
    #[error("{folder} has none of these files for {name}: {wanted}", folder = folder.display())]
    NotInFolder {
        /// The folder given.
        folder: PathBuf,
        /// Artifact with version.
        name: String,
        /// The accepted file names.
        wanted: String,
    },
    /// A file of the lock is not in the cache.
    #[error("{file} is not in {folder}; run `infra artifacts fetch`", folder = folder.display())]
    NotCached {
        /// File name.
        file: String,
        /// The cache.
        folder: PathBuf,
    },
    /// The lock file is no lock file.
    #[error("{path} cannot be used: {reason}", path = path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ArtifactError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| ArtifactError::Io { action, path, source }
    }
}
