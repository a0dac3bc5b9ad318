//! One entry of versions.toml.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize};

/// A thing that this program installs or brings to nodes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it comes with: `nodes`, or the addons that install it.
    pub part_of: String,
    /// The Kubernetes minor versions it supports; empty: every one.
    #[serde(default)]
    pub kubernetes: Vec<String>,
    /// The day its makers stop supporting it.
    #[serde(default, deserialize_with = "date")]
    pub end_of_life: Option<Date>,
    /// Their rule, where they name no day.
    #[serde(default)]
    pub support: Option<String>,
    /// When this entry was last compared with its sources.
    #[serde(deserialize_with = "needed_date")]
    pub looked_at: Date,
    /// Where it was read.
    pub sources: Vec<String>,
    /// Its images.
    #[serde(default, rename(deserialize = "image"))]
    pub images: Vec<Image>,
}

/// A container image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Image {
    /// The variable by which manifests name it.
    pub variable: String,
    /// The image, with its registry, without a tag.
    pub image: String,
    /// Its tag.
    pub tag: String,
    /// Its digest.
    pub digest: Digest,
    /// The Kubernetes minor versions it is for; empty: every one.
    #[serde(default)]
    pub kubernetes: Vec<String>,
}

impl Image {
    /// Returns the reference that a manifest has: tag and, where it is known, digest.
    pub fn reference(&self) -> String {
        match &self.digest {
            Digest::Known(digest) => format!("{}:{}@{digest}", self.image, self.tag),
            Digest::Unknown => format!("{}:{}", self.image, self.tag),
        }
    }

    /// Returns true if the image is for that Kubernetes minor version.
    pub fn is_for(&self, minor: &str) -> bool {
        self.kubernetes.is_empty() || self.kubernetes.iter().any(|one| one == minor)
    }
}

/// The digest of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", untagged)]
pub enum Digest {
    /// `sha256:` and 64 hexadecimal digits.
    Known(String),
    /// No source that could be read showed it.
    Unknown,
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "unknown" {
            return Ok(Digest::Unknown);
        }
        let hex = text.strip_prefix("sha256:").unwrap_or_default();
        let is_hex = hex.len() == 64
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() && b.is_ascii_hexdigit());
        if !is_hex {
            return Err(serde::de::Error::custom(format!("{text:?} is not a SHA-256 digest")));
        }
        Ok(Digest::Known(text))
    }
}

/// Reads a date of TOML.
fn needed_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let written = toml::value::Datetime::deserialize(deserializer)?;
    written.to_string().parse().map_err(serde::de::Error::custom)
}

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    needed_date(deserializer).map(Some)
}
