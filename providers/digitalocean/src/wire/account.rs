//! Account, SSH keys, tags, and what the vendor has on offer.

use serde::Deserialize;

use super::null_as_empty;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AccountAnswer {
    pub(crate) account: Account,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Account {
    #[serde(default)]
    pub(crate) droplet_limit: u32,
    #[serde(default)]
    pub(crate) email: String,
    pub(crate) uuid: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) status_message: String,
    #[serde(default)]
    pub(crate) team: Option<Team>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Team {
    #[serde(default)]
    pub(crate) name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SshKeyAnswer {
    pub(crate) ssh_key: SshKey,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SshKey {
    pub(crate) id: u64,
    pub(crate) fingerprint: String,
    pub(crate) public_key: String,
    pub(crate) name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tag {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) resources: Option<TagUse>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct TagUse {
    #[serde(default)]
    pub(crate) count: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Region {
    pub(crate) slug: String,
    #[serde(default)]
    pub(crate) available: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SizeListed {
    pub(crate) slug: String,
    #[serde(default)]
    pub(crate) available: bool,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) regions: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Image {
    #[serde(default)]
    pub(crate) slug: Option<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) regions: Vec<String>,
}
