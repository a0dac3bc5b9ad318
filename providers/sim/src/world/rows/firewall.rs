//! Cloud firewalls.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::world::table::Row;

/// Whom a rule lets in or out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallTarget {
    /// Addresses and CIDRs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Droplets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub droplet_ids: Vec<u64>,
    /// Load balancers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_balancer_uids: Vec<String>,
    /// Kubernetes clusters of the vendor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kubernetes_ids: Vec<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// A rule; `target` is `sources` on the way in and `destinations` on the way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRule {
    /// `tcp`, `udp`, `icmp`.
    pub protocol: String,
    /// `22`, `8000-9000`, or `0` for all.
    pub ports: String,
    /// Whom.
    pub target: FirewallTarget,
}

/// A firewall.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Firewall {
    /// Order of creation.
    pub seq: u64,
    /// UUID.
    pub id: String,
    /// Name, unique in the account.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Rules on the way in.
    pub inbound: Vec<FirewallRule>,
    /// Rules on the way out.
    pub outbound: Vec<FirewallRule>,
    /// Droplets it protects by id.
    pub droplet_ids: Vec<u64>,
    /// Tags of droplets it protects.
    pub tags: Vec<String>,
}

impl Row for Firewall {
    const KIND: &'static str = "firewall";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }
    fn lookup(&self) -> &str {
        &self.name
    }
    fn tags(&self) -> &[String] {
        &self.tags
    }
}
