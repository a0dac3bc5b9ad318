//! Re-hashing the cache.

use std::path::Path;

use serde::Serialize;

use crate::artifacts::{ArtifactError, Lock, sha256_file};

/// The state of one cached file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum CacheState {
    /// There, and its SHA-256 is the lock's.
    Good,
    /// Not there.
    Missing,
    /// There, but another file.
    Mismatch {
        /// Its SHA-256.
        found: String,
    },
}

/// One line of `infra artifacts verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Artifact with version.
    pub name: String,
    /// File name.
    pub file: String,
    /// The judgement.
    #[serde(flatten)]
    pub state: CacheState,
}

/// Hashes every file of the lock in `cache`.
///
/// # Errors
/// Returns an error if a file is there and cannot be read.
pub fn verify(lock: &Lock, cache: &Path) -> Result<Vec<Verified>, ArtifactError> {
    let mut out = Vec::new();
    for locked in &lock.artifacts {
        let path = cache.join(&locked.file);
        let state = if !path.is_file() {
            CacheState::Missing
        } else {
            match sha256_file(&path)? {
                (found, _) if found == locked.sha256 => CacheState::Good,
                (found, _) => CacheState::Mismatch { found },
            }
        };
        out.push(Verified { name: locked.label(), file: locked.file.clone(), state });
    }
    Ok(out)
}
