//! `[network]`, `[[firewall]]` and `[dns]` as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Address ranges; they must not overlap.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawNetwork {
    /// The private network of the machines. Default "10.110.0.0/20"; on DigitalOcean the first such
    /// range that no other network of the account overlaps.
    pub machines: Option<String>,
    /// Pods. Default "10.244.0.0/16".
    pub pods: Option<String>,
    /// Services. Default "10.96.0.0/16".
    pub services: Option<String>,
    /// The domain inside the cluster. Default "cluster.local".
    pub cluster_domain: Option<String>,
    /// The port of the API server's load balancer. Default 6443.
    pub api_port: Option<u16>,
}

/// Traffic that is let in.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFirewallRule {
    /// The nodes it is about, or the API server's port. Default: all.
    #[serde(default)]
    pub to: Option<RawAccess>,
    /// Default: tcp.
    #[serde(default)]
    pub protocol: Option<RawProtocol>,
    /// One port or a range: "443", "30000-32767". Not for icmp, nor for the API server, whose port is
    /// known.
    #[serde(default)]
    pub ports: Option<String>,
    /// CIDRs, or "nodes", or "load-balancers"; for the API server CIDRs only.
    pub from: Vec<String>,
}

/// The nodes a rule is about.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum RawAccess {
    /// Every node.
    All,
    /// Control planes only.
    ControlPlane,
    /// Workers only.
    Worker,
    /// The API server's port, at its load balancer. Without such a rule everybody may connect; the
    /// cluster's own machines always may.
    Api,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum RawProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
}

/// The cluster's domain.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDns {
    /// The domain; it and `*.domain` will point at the ingress load balancer.
    pub domain: String,
    /// Seconds that answers may be kept. Default 300.
    #[serde(default)]
    pub ttl: Option<u32>,
    /// Make the zone with the cluster and delete it with it. Default true; with false it must be
    /// there already.
    #[serde(default)]
    pub manage_zone: Option<bool>,
    /// The API server's name below the domain. Default "api".
    #[serde(default)]
    pub api_name: Option<String>,
    /// How nodes look for the API server: by its "name", which stays when its load balancer is made
    /// again, or by that one's "address", where the domain does not lead to the zone (yet). Counts
    /// when the cluster is made, and stays as it was then. Default "name".
    #[serde(default)]
    pub endpoint: Option<RawEndpoint>,
}

/// How nodes look for the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawEndpoint {
    /// By its name in DNS.
    Name,
    /// By its load balancer's address.
    Address,
}

/// `[dns]` in an overlay, where every key may be left out.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDnsOverlay {
    /// See `[dns]`.
    pub domain: Option<String>,
    /// See `[dns]`.
    pub ttl: Option<u32>,
    /// See `[dns]`.
    pub manage_zone: Option<bool>,
    /// See `[dns]`.
    pub api_name: Option<String>,
    /// See `[dns]`.
    pub endpoint: Option<RawEndpoint>,
}
