//! Block storage.

use serde::Deserialize;

use super::null_as_empty;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Volume {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) size_gigabytes: u64,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) droplet_ids: Vec<u64>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) tags: Vec<String>,
    pub(crate) description: Option<String>,
}
