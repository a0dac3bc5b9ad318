//! Network, subnetwork and router of Compute.

use serde::{Deserialize, Serialize};

/// A VPC network.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Network {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) self_link: String,
    pub(crate) routing_config: RoutingConfig,
    /// Links of its subnetworks.
    pub(crate) subnetworks: Vec<String>,
}

/// How routes of a network are spread.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RoutingConfig {
    pub(crate) routing_mode: String,
}

/// A subnetwork.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Subnetwork {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) self_link: String,
    pub(crate) network: String,
    pub(crate) region: String,
    pub(crate) ip_cidr_range: String,
    pub(crate) secondary_ip_ranges: Vec<SecondaryRange>,
    pub(crate) private_ip_google_access: bool,
}

/// A further range of a subnetwork.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SecondaryRange {
    pub(crate) range_name: String,
    pub(crate) ip_cidr_range: String,
}

/// A Cloud Router.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Router {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) self_link: String,
    pub(crate) network: String,
    pub(crate) region: String,
    pub(crate) nats: Vec<Nat>,
}

/// A Cloud NAT, which is a part of its router.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Nat {
    pub(crate) name: String,
    pub(crate) nat_ip_allocate_option: String,
    pub(crate) source_subnetwork_ip_ranges_to_nat: String,
}
