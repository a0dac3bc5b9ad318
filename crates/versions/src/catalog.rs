//! The embedded file.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::component::Component;
use super::error::VersionsError;

const DATA: &str = include_str!("../../../provisioning/data/versions.toml");

/// All entries of versions.toml.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Versions {
    /// The entries, in the order of the file.
    #[serde(rename = "component")]
    pub components: Vec<Component>,
}

/// Returns the embedded versions.toml.
///
/// # Errors
/// Returns an error when the file in the program is damaged.
pub fn versions() -> Result<&'static Versions, VersionsError> {
    static PARSED: OnceLock<Result<Versions, String>> = OnceLock::new();
    PARSED
        .get_or_init(|| toml::from_str(DATA).map_err(|e| e.to_string()))
        .as_ref()
        .map_err(|e| VersionsError::Damaged(e.clone()))
}

impl Versions {
    /// Reads a file of the same form, which a cloud brings for what it installs.
    ///
    /// # Errors
    /// Returns an error if the text has another form.
    pub fn parse(text: &str) -> Result<Self, VersionsError> {
        toml::from_str(text).map_err(|e| VersionsError::Damaged(e.to_string()))
    }

    /// Returns the entry of that name.
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|one| one.name == name)
    }

    /// Returns the image reference of each variable, for a Kubernetes minor version.
    pub fn images(&self, minor: &str) -> BTreeMap<String, String> {
        let images = self.components.iter().flat_map(|one| &one.images);
        images
            .filter(|image| image.is_for(minor))
            .map(|image| (image.variable.clone(), image.reference()))
            .collect()
    }
}
