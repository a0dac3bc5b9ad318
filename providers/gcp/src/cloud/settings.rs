//! `[providers.gcp]`.

use infra_cloud::ProviderSettings;
use infra_provider_api::{ControlPlaneReach, ManagedConfig};
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of Google Cloud.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GoogleSettings {
    /// The region, for instance "europe-west3".
    region: Option<String>,
    /// The zones of the nodes, by letter or full name: ["a", "b", "c"]. Without them, up to three of the
    /// region, as many as the counts of the pools can be divided by.
    zones: Vec<String>,
    /// The project that the cluster is in, by its id. Without it, that of Google's own tools.
    account: Option<String>,
    /// The nodes' image, for instance "ubuntu_containerd". The default is "cos_containerd".
    image: Option<String>,
    /// The nodes' boot disk, for instance "40GiB". The default is 100 GiB.
    disk: Option<String>,
    /// Nodes get no public address and reach the outside through a gateway.
    private: bool,
    /// How far the control plane reaches. The default is "regional".
    control_plane: Option<Reach>,
    /// The release channel. The default is "regular".
    channel: Option<Channel>,
    /// The service account that the nodes run as, by its e-mail address. Without it, one is made for
    /// the cluster, with the least that nodes need.
    service_account: Option<String>,
}

/// How far a control plane reaches.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Reach {
    /// It runs in three zones of the region.
    Regional,
    /// It runs in one zone, and is away while that is, or while it is upgraded.
    Zonal,
}

/// A release channel.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Channel {
    /// Versions come first to it.
    Rapid,
    /// Versions come to it some weeks later.
    Regular,
    /// Versions come last to it.
    Stable,
    /// Versions stay for longer, at a price.
    Extended,
}

impl From<GoogleSettings> for ProviderSettings {
    fn from(own: GoogleSettings) -> Self {
        let channel = own.channel.map(|channel| match channel {
            Channel::Rapid => "rapid",
            Channel::Regular => "regular",
            Channel::Stable => "stable",
            Channel::Extended => "extended",
        });
        Self {
            region: own.region,
            image: own.image,
            account: own.account,
            zones: own.zones,
            private: own.private,
            disk: own.disk,
            cluster_token: None,
            managed: ManagedConfig {
                reach: own.control_plane.map(|reach| match reach {
                    Reach::Regional => ControlPlaneReach::Regional,
                    Reach::Zonal => ControlPlaneReach::Zonal,
                }),
                channel: channel.map(str::to_owned),
                service_account: own.service_account,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_becomes_settings() {
        let table = json!({
            "region": "europe-west3", "zones": ["a"], "account": "shop-prod", "disk": "40GiB",
            "private": true, "control_plane": "zonal", "channel": "stable",
            "service_account": "nodes@shop-prod.iam.gserviceaccount.com",
        });
        let own: GoogleSettings = serde_json::from_value(table).unwrap();
        let settings = ProviderSettings::from(own);
        assert_eq!(settings.managed.reach, Some(ControlPlaneReach::Zonal));
        assert_eq!(settings.managed.channel.as_deref(), Some("stable"));
        assert!(settings.private && settings.account.as_deref() == Some("shop-prod"));
        for wrong in [json!({"channel": "weekly"}), json!({"cluster_token": {"env": "X"}})] {
            assert!(serde_json::from_value::<GoogleSettings>(wrong).is_err());
        }
    }
}
