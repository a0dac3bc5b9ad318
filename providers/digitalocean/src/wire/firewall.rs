//! Firewalls: the same form is read and written.

use serde::{Deserialize, Serialize};

use super::null_as_empty;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FirewallAnswer {
    pub(crate) firewall: Firewall,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Firewall {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) tags: Vec<String>,
    /// Machines that somebody protects with it by their ids.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) droplet_ids: Vec<u64>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) inbound_rules: Vec<Inbound>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) outbound_rules: Vec<Outbound>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Inbound {
    pub(crate) protocol: String,
    #[serde(default)]
    pub(crate) ports: String,
    #[serde(default)]
    pub(crate) sources: Sources,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outbound {
    pub(crate) protocol: String,
    #[serde(default)]
    pub(crate) ports: String,
    #[serde(default)]
    pub(crate) destinations: Sources,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sources {
    #[serde(default, deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    pub(crate) addresses: Vec<String>,
    #[serde(default, deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(default, deserialize_with = "null_as_empty", skip_serializing)]
    pub(crate) droplet_ids: Vec<u64>,
    #[serde(default, deserialize_with = "null_as_empty", skip_serializing)]
    pub(crate) load_balancer_uids: Vec<String>,
    #[serde(default, deserialize_with = "null_as_empty", skip_serializing)]
    pub(crate) kubernetes_ids: Vec<String>,
}

impl Sources {
    /// Peers that this tool never writes, for a person to read.
    pub(crate) fn others(&self) -> Vec<String> {
        let droplets = self.droplet_ids.iter().map(|id| format!("droplet {id}"));
        let balancers = self.load_balancer_uids.iter().map(|id| format!("load balancer {id}"));
        let clusters = self.kubernetes_ids.iter().map(|id| format!("kubernetes {id}"));
        droplets.chain(balancers).chain(clusters).collect()
    }
}
