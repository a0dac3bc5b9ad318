//! Parts of load balancers, addresses and disks of Compute, which controllers in clusters make.

use serde::Deserialize;

use crate::ownership::Labels;

/// A forwarding rule: the address of a load balancer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ForwardingRule {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) self_link: String,
    #[serde(rename = "IPAddress")]
    pub(crate) ip_address: String,
    pub(crate) target: Option<String>,
    pub(crate) backend_service: Option<String>,
    /// Only internal ones name their network.
    pub(crate) network: Option<String>,
}

/// A target pool: the machines behind a load balancer of the older kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TargetPool {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) self_link: String,
    /// Links of the machines.
    pub(crate) instances: Vec<String>,
    /// Links of the health checks.
    pub(crate) health_checks: Vec<String>,
}

/// A backend service: the groups behind a load balancer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BackendService {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) self_link: String,
    pub(crate) backends: Vec<Backend>,
    pub(crate) health_checks: Vec<String>,
}

/// One group behind a backend service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Backend {
    /// A link: an instance group or a network endpoint group.
    pub(crate) group: String,
}

/// A network endpoint group.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EndpointGroup {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) self_link: String,
    pub(crate) network: String,
    pub(crate) subnetwork: String,
}

/// A reserved address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Address {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) self_link: String,
    pub(crate) address: String,
    /// Links of what uses it.
    pub(crate) users: Vec<String>,
}

/// A disk.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Disk {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) self_link: String,
    pub(crate) labels: Labels,
    /// A number as a text.
    pub(crate) size_gb: String,
    /// Links of the machines that have it.
    pub(crate) users: Vec<String>,
}
