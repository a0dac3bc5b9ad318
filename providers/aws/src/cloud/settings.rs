//! `[providers.aws]`.

use infra_cloud::ProviderSettings;
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of AWS.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AwsSettings {
    /// The region, for instance "eu-central-1". Without it, that of the AWS CLI's configuration.
    region: Option<String>,
    /// The machines' image, for instance "ubuntu-24.04".
    image: Option<String>,
    /// The only account that the cluster may be in, by its 12 digits; any other is refused.
    account: Option<String>,
    /// Availability zones to spread over, by letter or full name: ["a", "b", "c"].
    zones: Vec<String>,
    /// Machines get no public address and reach the outside through a gateway.
    private: bool,
    /// The machines' root disk, for instance "40GiB".
    disk: Option<String>,
}

impl From<AwsSettings> for ProviderSettings {
    fn from(own: AwsSettings) -> Self {
        Self {
            region: own.region,
            image: own.image,
            account: own.account,
            zones: own.zones,
            private: own.private,
            disk: own.disk,
            cluster_token: None,
            managed: Default::default(),
        }
    }
}
