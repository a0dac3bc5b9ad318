//! A cluster as infra.toml describes it, with the environment's overlay applied and every default
//! filled in. Clouds read this; `src/config` makes it.

use std::collections::BTreeMap;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use crate::Source;

/// A cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its name: DNS label, at most 40 characters.
    pub name: String,
    /// The environment chosen with `--env`, if any.
    pub environment: Option<String>,
    /// Whether the environment asks for its name to be typed before a change.
    pub protected: bool,
    /// The cloud, by its short name.
    pub provider: String,
    /// The cloud's region.
    pub region: String,
    /// Where `region` was written.
    pub region_source: Option<Source>,
    /// The only account that the cluster may be in, where infra.toml names one.
    pub account: Option<String>,
    /// Where in the region, and how, its machines are put.
    pub placement: Placement,
    /// What a cloud is asked for that runs the control plane.
    #[serde(default)]
    pub managed: ManagedConfig,
    /// Versions of what runs on the nodes.
    pub versions: Versions,
    /// Address ranges.
    pub network: Network,
    /// Keys that may log in to the nodes.
    pub ssh_keys: Vec<SshKey>,
    /// Groups of equal nodes.
    pub pools: Vec<Pool>,
    /// Who may reach what from outside.
    pub firewall: Vec<FirewallRule>,
    /// The load balancer of the API server.
    pub api_load_balancer: LoadBalancerConfig,
    /// The cluster's domain; `None` leaves DNS alone.
    pub dns: Option<DnsConfig>,
    /// The bucket's name, where infra.toml fixes it; otherwise the provider derives one.
    pub bucket: Option<String>,
    /// Tags of the user's own, put on everything that can carry them.
    pub tags: Vec<String>,
}

/// Where in the region, and how, machines are put. A cloud that has no word for one of these refuses
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Availability zones to spread over, by full name or last letter; empty: the cloud's choice.
    pub zones: Vec<String>,
    /// Machines get no public address; they reach the outside through a gateway.
    pub private: bool,
    /// Gibibytes of the machines' root disk; `None`: the cloud's choice.
    pub disk_gib: Option<u32>,
    /// Where that was written.
    pub source: Option<Source>,
}

/// How far the control plane of a cluster that the cloud runs reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ControlPlaneReach {
    /// It runs in several zones of the region.
    Regional,
    /// It runs in one zone, and is away while that is, or while it is upgraded.
    Zonal,
}

/// What a cloud is asked for that runs the control plane. A cloud that runs none refuses all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedConfig {
    /// How far the control plane reaches; `None`: the cloud's choice.
    pub reach: Option<ControlPlaneReach>,
    /// The channel by which the cloud upgrades the cluster: `regular`; `None`: the cloud's choice.
    pub channel: Option<String>,
    /// The account that the machines run as, by the cloud's own name; `None`: one that is made for the
    /// cluster.
    pub service_account: Option<String>,
}

/// Versions of what runs on the nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    /// Kubernetes, without `v`: `1.36.2`.
    pub kubernetes: String,
    /// Where that was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// Address ranges; they never overlap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// The private network of the machines.
    pub machines: Ipv4Net,
    /// Where infra.toml names that range; `None` leaves it to the cloud to choose a free one.
    #[serde(default)]
    pub machines_source: Option<Source>,
    /// Pods.
    pub pods: Ipv4Net,
    /// Services.
    pub services: Ipv4Net,
    /// The domain inside the cluster: `cluster.local`.
    pub cluster_domain: String,
}

/// A public key for logging in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKey {
    /// What the key is called in infra.toml.
    pub name: String,
    /// OpenSSH format, one line.
    pub public_key: String,
}

/// What a pool's nodes are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the API server and etcd.
    ControlPlane,
    /// Runs the apps.
    Worker,
}

impl Role {
    /// Returns the role as it is written in infra.toml, tags and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Worker => "worker",
        }
    }
}

/// What a machine must have at least, or its type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SizeRequest {
    /// The cloud's own name: `s-2vcpu-4gb`.
    Type(String),
    /// The cheapest type with at least this much.
    Fit {
        /// Virtual processors.
        vcpus: u32,
        /// Mebibytes of memory.
        memory_mib: u32,
    },
}

/// A group of equal nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// Its name; nodes are called `<pool>-1`, `<pool>-2`, …
    pub name: String,
    /// What its nodes are for.
    pub role: Role,
    /// The machines' size.
    pub size: SizeRequest,
    /// The cloud's image name: `ubuntu-24-04-x64`.
    pub image: String,
    /// Labels of the Nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of the Nodes, as kubectl writes them: `key=value:NoSchedule`.
    pub taints: Vec<String>,
    /// Its nodes, in order; where the cloud chooses how many, the fewest.
    pub nodes: Vec<NodeSlot>,
    /// Its generation, where the cloud makes its machines: the pool is replaced as a whole.
    #[serde(default = "first_generation", skip_serializing_if = "is_first")]
    pub generation: u32,
    /// Between which numbers the cloud chooses how many nodes it has, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<PoolBounds>,
    /// Its machines may be taken away at any time, and cost less.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spot: bool,
    /// Where `size` was written.
    pub size_source: Option<Source>,
    /// Where the pool was written.
    pub source: Option<Source>,
}

fn first_generation() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_first(generation: &u32) -> bool {
    *generation == 1
}

impl Pool {
    /// Returns its name with its generation, as a cloud knows it that makes its machines: `worker`, `worker-g2`.
    pub fn generation_name(&self) -> String {
        generation_name(&self.name, self.generation)
    }

    /// Returns the most nodes that it may have.
    pub fn nodes_max(&self) -> usize {
        self.bounds.map_or(self.nodes.len(), |bounds| bounds.max as usize)
    }

    /// Returns the place of the pool's size, or that of the pool where the size is not written.
    pub fn size_place(&self) -> Option<&Source> {
        self.size_source.as_ref().or(self.source.as_ref())
    }
}

/// How many nodes a pool may have, all zones together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolBounds {
    /// The fewest.
    pub min: u32,
    /// The most.
    pub max: u32,
}

/// One machine.
///
/// ```
/// use infra_provider_api::NodeSlot;
///
/// let first = NodeSlot { slot: "worker-1".into(), generation: 1, revision: "0a1b".into() };
/// let rotated = NodeSlot { generation: 2, ..first.clone() };
/// assert_eq!((first.name(), rotated.name()), ("worker-1".into(), "worker-1-g2".into()));
/// assert_eq!(NodeSlot::parse_name("worker-1-g2"), ("worker-1".into(), 2));
/// // No machine of the first generation carries a number, so this is a slot of that name.
/// assert_eq!(NodeSlot::parse_name("worker-g1"), ("worker-g1".into(), 1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSlot {
    /// The slot: `worker-1`. Stays when the machine is replaced.
    pub slot: String,
    /// How often the slot's machine has been replaced, from 1.
    pub generation: u32,
    /// Hash of what the machine boots with; a difference is a reason to rotate.
    pub revision: String,
}

fn generation_name(name: &str, generation: u32) -> String {
    if generation <= 1 { name.to_owned() } else { format!("{name}-g{generation}") }
}

impl NodeSlot {
    /// Returns the name of machine, Node and host: the slot, with `-g<generation>` from the second
    /// on.
    pub fn name(&self) -> String {
        generation_name(&self.slot, self.generation)
    }

    /// Parses the slot and generation that a name stands for.
    pub fn parse_name(name: &str) -> (String, u32) {
        if let Some((slot, generation)) = name.rsplit_once("-g")
            && let Ok(generation) = generation.parse::<u32>()
            && generation >= 2
        {
            return (slot.to_owned(), generation);
        }
        (name.to_owned(), 1)
    }
}

/// Transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP; has no ports.
    Icmp,
}

/// Where traffic may come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceRange {
    /// A range of addresses; `0.0.0.0/0` and `::/0` are everybody.
    Cidr(String),
    /// The cluster's own machines.
    Nodes,
    /// The cluster's load balancers.
    LoadBalancers,
}

/// Which nodes a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Every node.
    All,
    /// Control planes only.
    ControlPlane,
    /// Workers only.
    Worker,
}

/// Traffic that is let in. Everything else from outside the cluster is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRule {
    /// The nodes it is about.
    pub to: Access,
    /// The protocol.
    pub protocol: Protocol,
    /// First and last port, both included; `None` for ICMP.
    pub ports: Option<(u16, u16)>,
    /// From where.
    pub from: Vec<SourceRange>,
}

/// The kind of what lets one machine reach the API server, where not everybody may: named as the
/// machine, on every cloud where it takes one.
pub const API_ACCESS: &str = "api_access";

/// The load balancer of the API server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerConfig {
    /// The port clients use: 6443.
    pub port: u16,
    /// Who may connect besides the cluster's own machines, sorted; empty: everybody.
    #[serde(default)]
    pub allow: Vec<IpNet>,
    /// Where that was written.
    #[serde(default)]
    pub allow_source: Option<Source>,
}

impl LoadBalancerConfig {
    /// Makes one that everybody may connect to.
    pub fn open(port: u16) -> Self {
        Self { port, allow: Vec::new(), allow_source: None }
    }

    /// Reports whether not everybody may connect.
    pub fn is_narrow(&self) -> bool {
        !self.allow.is_empty()
    }
}

/// DNS of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsConfig {
    /// The domain: `example.com`.
    pub domain: String,
    /// Seconds that answers may be kept.
    pub ttl_s: u32,
    /// Whether the zone is made and deleted with the cluster, or must be there already.
    pub manage_zone: bool,
    /// The name of the API server below the domain: `api`.
    pub api_name: String,
    /// Whether nodes look for the API server under that name, not at its load balancer's address.
    pub is_endpoint: bool,
    /// Where it was written.
    pub source: Option<Source>,
}

impl DnsConfig {
    /// Returns the full name of the API server: `api.example.com`.
    pub fn api_host(&self) -> String {
        format!("{}.{}", self.api_name, self.domain)
    }
}

impl Cluster {
    /// Lists the nodes with their pools, control planes first.
    pub fn nodes(&self) -> Vec<(&Pool, &NodeSlot)> {
        let mut nodes: Vec<_> = self
            .pools
            .iter()
            .flat_map(|pool| pool.nodes.iter().map(move |node| (pool, node)))
            .collect();
        nodes.sort_by_key(|(pool, _)| pool.role);
        nodes
    }

    /// Returns the host names of the API server's certificate that come from DNS.
    pub fn api_names(&self) -> Vec<String> {
        self.dns.iter().map(DnsConfig::api_host).collect()
    }
}
