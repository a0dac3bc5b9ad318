//! Load balancers.

use serde::Deserialize;

use super::null_as_empty;
use crate::{ForwardingRule, HealthCheck};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LoadBalancerAnswer {
    pub(crate) load_balancer: LoadBalancer,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LoadBalancer {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) ip: Option<String>,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) tag: Option<String>,
    /// Tags of its own. The older `tag` selects its droplets.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) vpc_uuid: Option<String>,
    #[serde(default)]
    pub(crate) region: Option<RegionName>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) forwarding_rules: Vec<ForwardingRule>,
    #[serde(default)]
    pub(crate) health_check: Option<HealthCheck>,
    /// Also those that it has by a tag.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) droplet_ids: Vec<u64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RegionName {
    pub(crate) slug: String,
}
