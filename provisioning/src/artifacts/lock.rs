//! `artifacts.lock`: what was fetched, by SHA-256.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::artifacts::{Arch, Artifact, ArtifactError, ArtifactKind};

/// Version of the lock file's format.
pub const LOCK_VERSION: u32 = 1;

/// One pinned file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Locked {
    /// Artifact name.
    pub name: String,
    /// Without the leading `v`.
    pub version: String,
    /// Kind.
    pub kind: ArtifactKind,
    /// Name in the cache and the bucket.
    pub file: String,
    /// Where it came from; empty: a local folder or a stand-in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Lower-case hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// Path or folder on the node; empty for images.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub install: String,
    /// Only control planes need it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub control_plane_only: bool,
}

impl Locked {
    pub(crate) fn of(artifact: &Artifact, sha256: String, size: u64) -> Locked {
        Locked {
            name: artifact.name.clone(),
            version: artifact.version.clone(),
            kind: artifact.kind,
            file: artifact.file.clone(),
            url: artifact.url.clone().unwrap_or_default(),
            sha256,
            size,
            install: artifact.install.clone(),
            control_plane_only: artifact.control_plane_only,
        }
    }

    /// Returns the name that messages call it by: `runc-v1.3.6`.
    pub fn label(&self) -> String {
        format!("{}-v{}", self.name, self.version)
    }
}

/// The whole lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lock {
    /// [`LOCK_VERSION`].
    pub version: u32,
    /// Kubernetes version, without the leading `v`.
    pub kubernetes: String,
    /// Processor.
    pub arch: Arch,
    /// Tag of the sandbox image.
    pub pause: String,
    /// True for the embedded cloud's stand-ins, which no real machine can run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stand_ins: bool,
    /// The files, in the catalog's order.
    #[serde(rename = "artifact", default)]
    pub artifacts: Vec<Locked>,
}

impl Lock {
    /// Reads a lock; `None` when there is none.
    ///
    /// # Errors
    /// Returns an error if the file is of another format, or if a newer version wrote it.
    pub fn read(path: &Path) -> Result<Option<Lock>, ArtifactError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(ArtifactError::io("read", path)(e)),
        };
        let bad = |reason: String| ArtifactError::Lock { path: path.to_path_buf(), reason };
        let table: toml::Table = toml::from_str(&text).map_err(|e| bad(e.message().into()))?;
        let found = table.get("version").and_then(toml::Value::as_integer).unwrap_or(0);
        if found != i64::from(LOCK_VERSION) {
            return Err(bad(format!("its format is {found}, this program knows {LOCK_VERSION}")));
        }
        toml::from_str(&text).map(Some).map_err(|e| bad(e.message().into()))
    }

    /// Returns the lock as text.
    pub fn to_text(&self) -> Result<String, ArtifactError> {
        let body = toml::to_string(self).map_err(|e| ArtifactError::Catalog(e.to_string()))?;
        Ok(format!("# Written by `infra artifacts fetch`; commit it.\n{body}"))
    }

    /// Writes the lock atomically.
    pub fn write(&self, path: &Path) -> Result<(), ArtifactError> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(ArtifactError::io("create", folder))?;
        let write = || -> std::io::Result<()> {
            let mut temp = tempfile::NamedTempFile::new_in(folder)?;
            let text = self.to_text().map_err(std::io::Error::other)?;
            temp.write_all(text.as_bytes())?;
            temp.as_file().sync_all()?;
            temp.persist(path).map_err(|e| e.error)?;
            Ok(())
        };
        write().map_err(ArtifactError::io("write", path))
    }

    /// Returns what a node of that role needs.
    pub fn for_role(&self, control_plane: bool) -> Vec<&Locked> {
        self.artifacts.iter().filter(|a| control_plane || !a.control_plane_only).collect()
    }

    pub(crate) fn find(&self, artifact: &Artifact) -> Option<&Locked> {
        self.artifacts.iter().find(|l| l.file == artifact.file)
    }
}
