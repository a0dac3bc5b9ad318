//! Where `artifacts.lock` lies: beside infra.toml, for the cache may be lost.

use std::path::PathBuf;

use infra_provisioning::artifacts::{ArtifactError, Lock};

use crate::config::Project;

const NAME: &str = "artifacts.lock";

/// Returns the lock's place: beside infra.toml.
pub fn path(project: &Project) -> PathBuf {
    project.folder.join(NAME)
}

/// Reads the lock. One that an earlier version has put into the cache still counts, until the next
/// `infra artifacts fetch` writes it beside infra.toml.
///
/// # Errors
/// Returns an error when the file cannot be read or is of another format.
pub fn read(project: &Project) -> Result<Option<Lock>, ArtifactError> {
    if let Some(lock) = Lock::read(&path(project))? {
        return Ok(Some(lock));
    }
    Lock::read(&project.artifact_cache.join(NAME))
}
