//! The embedded catalog.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::artifacts::{Arch, Artifact, ArtifactError, ArtifactKind};

const DATA: &str = include_str!("../../data/artifacts.toml");

/// Where the publishers are; a mirror inside a company has the same paths below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrors {
    /// Kubernetes binaries.
    pub kubernetes: String,
    /// Releases on GitHub.
    pub github: String,
}

impl Default for Mirrors {
    fn default() -> Self {
        Mirrors { kubernetes: "https://dl.k8s.io".into(), github: "https://github.com".into() }
    }
}

/// A Kubernetes minor version and what goes with it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Series {
    /// `1.36`.
    pub kubernetes: String,
    /// Newest patch version known.
    pub latest: String,
    /// Tag of the sandbox image.
    pub pause: String,
    /// Versions by artifact name.
    #[serde(flatten)]
    pub versions: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct FileEntry {
    name: String,
    kind: ArtifactKind,
    base: String,
    path: String,
    checksums: String,
    install: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ImageEntry {
    pub name: String,
    pub version: String,
    #[serde(default)]
    pub control_plane: bool,
}

/// SHA-256 of a file that the program itself knows.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Sum {
    name: String,
    version: String,
    amd64: String,
    arm64: String,
}

#[derive(Debug, Deserialize)]
struct Data {
    series: Vec<Series>,
    artifact: Vec<FileEntry>,
    #[serde(default)]
    sum: Vec<Sum>,
    image: Vec<ImageEntry>,
}

impl Data {
    /// Returns the SHA-256 that is written here for a file.
    fn known_sum(&self, name: &str, version: &str, arch: Arch) -> Option<String> {
        let sum = self.sum.iter().find(|sum| sum.name == name && sum.version == version)?;
        Some(match arch {
            Arch::Amd64 => sum.amd64.clone(),
            Arch::Arm64 => sum.arm64.clone(),
        })
    }
}

fn data() -> Result<&'static Data, ArtifactError> {
    static PARSED: OnceLock<Result<Data, String>> = OnceLock::new();
    PARSED
        .get_or_init(|| toml::from_str(DATA).map_err(|e| e.to_string()))
        .as_ref()
        .map_err(|e| ArtifactError::Catalog(e.clone()))
}

/// Returns the minor versions known, newest first.
pub fn known_series() -> Result<&'static [Series], ArtifactError> {
    Ok(&data()?.series)
}

/// Returns the newest version known.
pub fn default_version() -> Result<String, ArtifactError> {
    let first = data()?.series.first();
    first.map(|s| s.latest.clone()).ok_or_else(|| ArtifactError::Catalog("it is empty".into()))
}

/// Parses `v1.36.4` or `1.36.4` into (1, 36, 4).
pub fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.strip_prefix('v').unwrap_or(text).split('.').map(|p| {
        let plain = !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| p.parse::<u32>().ok()).flatten()
    });
    let version = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(version)
}

/// What one Kubernetes version needs.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// Without the leading `v`.
    pub kubernetes: String,
    /// Processor.
    pub arch: Arch,
    /// Its series.
    pub series: Series,
    /// The files with a publisher.
    pub files: Vec<Artifact>,
    pub(crate) images: Vec<ImageEntry>,
}

impl Catalog {
    /// Makes the catalog of `version` (`1.36.4`, a leading `v` is fine, `1.36` means its newest
    /// patch).
    ///
    /// # Errors
    /// Returns an error if the version is of an unknown series, or is no version at all.
    pub fn new(version: &str, arch: Arch, mirrors: &Mirrors) -> Result<Catalog, ArtifactError> {
        let data = data()?;
        let plain = version.strip_prefix('v').unwrap_or(version);
        let unknown = || ArtifactError::UnknownVersion {
            version: version.into(),
            known: data.series.iter().map(|s| s.kubernetes.as_str()).collect::<Vec<_>>().join(", "),
        };
        let series = data
            .series
            .iter()
            .find(|s| {
                plain == s.kubernetes
                    || parse_version(plain)
                        .is_some_and(|(a, b, _)| format!("{a}.{b}") == s.kubernetes)
            })
            .ok_or_else(unknown)?;
        let kubernetes =
            if plain == series.kubernetes { series.latest.clone() } else { plain.to_string() };
        let mut files = Vec::new();
        for entry in &data.artifact {
            let version = match entry.base.as_str() {
                "kubernetes" => kubernetes.clone(),
                _ => series.versions.get(&entry.name).cloned().ok_or_else(|| {
                    ArtifactError::Catalog(format!("{} has no {}", series.kubernetes, entry.name))
                })?,
            };
            let known = data.known_sum(&entry.name, &version, arch);
            files.push(Artifact { known, ..artifact(entry, version, arch, mirrors) });
        }
        Ok(Catalog { kubernetes, arch, series: series.clone(), files, images: data.image.clone() })
    }

    /// Returns the catalog without the SHA-256 that the program knows: for builds of one's own.
    #[must_use]
    pub fn without_known_sums(mut self) -> Catalog {
        for file in &mut self.files {
            file.known = None;
        }
        self
    }

    /// Returns the names of the images that may come along, with the version if it is known.
    pub fn images(&self) -> Vec<(String, Option<String>)> {
        self.images.iter().map(|i| (i.name.clone(), self.image_tag(i))).collect()
    }

    pub(crate) fn image_tag(&self, image: &ImageEntry) -> Option<String> {
        match image.version.as_str() {
            "kubernetes" => Some(format!("v{}", self.kubernetes)),
            "pause" => Some(self.series.pause.clone()),
            _ => None,
        }
    }

    /// Makes the artifact of an image's archive with that tag.
    pub(crate) fn image_artifact(&self, image: &ImageEntry, tag: &str) -> Artifact {
        let file = format!("image-{}-{}-linux-{}.tar", image.name, tag, self.arch);
        Artifact {
            name: format!("image-{}", image.name),
            version: tag.strip_prefix('v').unwrap_or(tag).into(),
            arch: self.arch,
            kind: ArtifactKind::Image,
            upstream_file: file.clone(),
            file,
            url: None,
            checksum_url: None,
            known: None,
            install: String::new(),
            control_plane_only: image.control_plane,
        }
    }
}

fn artifact(entry: &FileEntry, version: String, arch: Arch, mirrors: &Mirrors) -> Artifact {
    let base = match entry.base.as_str() {
        "kubernetes" => &mirrors.kubernetes,
        _ => &mirrors.github,
    };
    let fill = |t: &str| t.replace("{v}", &version).replace("{arch}", arch.as_str());
    let url = |t: &str| format!("{}/{}", base.trim_end_matches('/'), fill(t));
    let path = fill(&entry.path);
    let extension = match entry.kind {
        ArtifactKind::Archive => ".tar.gz",
        _ => "",
    };
    Artifact {
        name: entry.name.clone(),
        file: format!("{}-v{version}-linux-{arch}{extension}", entry.name),
        upstream_file: path.rsplit('/').next().unwrap_or(&path).to_string(),
        url: Some(url(&entry.path)),
        checksum_url: Some(url(&entry.checksums)),
        known: None,
        install: entry.install.clone(),
        kind: entry.kind,
        arch,
        version,
        control_plane_only: false,
    }
}
