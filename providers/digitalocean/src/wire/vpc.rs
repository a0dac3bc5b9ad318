//! Private networks.

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct VpcAnswer {
    pub(crate) vpc: Vpc,
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
