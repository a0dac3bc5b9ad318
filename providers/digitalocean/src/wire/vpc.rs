//! Private networks.

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct VpcAnswer {
    pub(crate) vpc: Vpc,
}

/// Something in a private network.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Member {
    #[serde(default)]
    pub(crate) name: String,
    /// `do:droplet:417`, `do:loadbalancer:4de7…`.
    pub(crate) urn: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    pub(crate) region: String,
    #[serde(default)]
    pub(crate) ip_range: String,
}
