//! One artifact.

use serde::{Deserialize, Serialize};

use crate::artifacts::ArtifactError;

/// Processor of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// x86-64.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

impl Arch {
    /// Returns its name as file names and URLs have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Arch::Amd64 => "amd64",
            Arch::Arm64 => "arm64",
        }
    }
}

impl std::fmt::Display for Arch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the boot script does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactKind {
    /// Installed at a path, mode 0755.
    Binary,
    /// A gzipped tar, unpacked into a folder.
    Archive,
    /// A container image's archive, imported into containerd.
    Image,
}

impl ArtifactKind {
    /// Returns its word in `artifacts.tsv`.
    pub fn as_str(self) -> &'static str {
        match self {
            ArtifactKind::Binary => "binary",
            ArtifactKind::Archive => "archive",
            ArtifactKind::Image => "image",
        }
    }
}

/// A file of the catalog for one version and processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// `kubelet`, `containerd`, `image-pause`.
    pub name: String,
    /// Without the leading `v`.
    pub version: String,
    /// Processor.
    pub arch: Arch,
    /// Kind.
    pub kind: ArtifactKind,
    /// Name in the cache and the bucket: unlike the publisher's it always tells the version.
    pub file: String,
    /// The publisher's name of the file.
    pub upstream_file: String,
    /// Where it is published; `None`: taken from a local folder only.
    pub url: Option<String>,
    /// Where its SHA-256 is published.
    pub checksum_url: Option<String>,
    /// Its SHA-256, lower-case hex, where the program knows it.
    pub known: Option<String>,
    /// Path (binary) or folder (archive) on the node; empty for images.
    pub install: String,
    /// Only control planes need it.
    pub control_plane_only: bool,
}

impl Artifact {
    /// Refuses a SHA-256 found at `place` that is not the one the program knows.
    pub(crate) fn must_be(&self, found: &str, place: &str) -> Result<(), ArtifactError> {
        match &self.known {
            Some(known) if known != found => Err(ArtifactError::NotKnown {
                name: self.label(),
                known: known.clone(),
                place: place.to_owned(),
                found: found.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Returns the name that messages call it by: `runc-v1.3.6`.
    pub fn label(&self) -> String {
        format!("{}-v{}", self.name, self.version)
    }
}
