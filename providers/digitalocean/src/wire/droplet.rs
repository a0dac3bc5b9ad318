//! Droplets.

use serde::Deserialize;

use super::null_as_empty;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct DropletAnswer {
    pub(crate) droplet: Droplet,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Droplet {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) size_slug: String,
    pub(crate) region: RegionName,
    pub(crate) image: ImageName,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) vpc_uuid: Option<String>,
    #[serde(default)]
    pub(crate) networks: Networks,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RegionName {
    pub(crate) slug: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ImageName {
    #[serde(default)]
    pub(crate) id: u64,
    /// Absent on snapshots, and on images that the vendor has retired.
    #[serde(default)]
    pub(crate) slug: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Networks {
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) v4: Vec<Interface>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Interface {
    pub(crate) ip_address: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

impl Droplet {
    /// Returns its address on the `public` or `private` side.
    pub(crate) fn address(&self, kind: &str) -> Option<&str> {
        let interface = self.networks.v4.iter().find(|interface| interface.kind == kind)?;
        Some(&interface.ip_address)
    }
}
