//! `[providers.do]`.

use infra_cloud::{ProviderSettings, RawSecretVariable};
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of DigitalOcean.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DigitalOceanSettings {
    /// The region, for instance "fra1".
    region: Option<String>,
    /// The machines' image, for instance "ubuntu-24-04-x64".
    image: Option<String>,
    /// The only account (or team) that the cluster may be in, by its UUID; any other is refused.
    account: Option<String>,
    /// The token that the cluster's own controllers call the cloud with:
    /// `{ env = "DIGITALOCEAN_CLUSTER_TOKEN" }`, the default.
    cluster_token: Option<RawSecretVariable>,
}

impl From<DigitalOceanSettings> for ProviderSettings {
    fn from(own: DigitalOceanSettings) -> Self {
        Self {
            region: own.region,
            image: own.image,
            account: own.account,
            cluster_token: own.cluster_token.map(|variable| variable.env),
            ..Self::default()
        }
    }
}
