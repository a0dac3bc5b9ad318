//! Security groups: one for all nodes, one for each role, one for the API's load balancer.

use infra_provider_api::{Access, Address, Cluster, FirewallRule, Input, Protocol, SourceRange};

use super::{Part, balancer::API_PORT, declare, vpc};
use crate::resources::{API_GROUP, ITSELF, KUBERNETES_GROUP, RuleSpec, SecurityGroupSpec, normal};

const EVERYBODY: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// Returns the group of the API's load balancer.
pub(super) fn api() -> Address {
    Address::new("security_group", API_GROUP)
}

/// Returns the groups of a machine's role.
pub(super) fn of_role(role: &str) -> [Address; 2] {
    [KUBERNETES_GROUP, role].map(|name| Address::new("security_group", name))
}

fn rule(protocol: &str, ports: (i32, i32), source: Input<String>) -> RuleSpec {
    RuleSpec { protocol: protocol.to_owned(), from: ports.0, to: ports.1, source }
}

/// A security group of a cluster.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) inbound: Vec<RuleSpec>,
}

impl Group {
    /// Counts its rules for IPv4 and for IPv6, which AWS limits by themselves. One that refers to a group
    /// counts as both.
    pub(super) fn rules(&self) -> (usize, usize) {
        let each = self.inbound.iter().map(|rule| match &rule.source {
            Input::Known(source) if source == ITSELF => (1, 1),
            Input::Known(range) if range.contains(':') => (0, 1),
            Input::Ref(to) if to.address.kind() == "security_group" => (1, 1),
            Input::Known(_) | Input::Ref(_) => (1, 0),
        });
        each.fold((0, 0), |(v4, v6), (in_v4, in_v6)| (v4 + in_v4, v6 + in_v6))
    }
}

pub(super) fn declared(cluster: &Cluster) -> Part {
    let mut all = Vec::new();
    for Group { name, description, inbound } in of(cluster) {
        let spec = SecurityGroupSpec {
            vpc: Input::reference(vpc(), "id"),
            description: format!("{}: {description}", cluster.name),
            inbound,
        };
        all.push(declare(Address::new("security_group", name), &spec)?);
    }
    Ok(all)
}

/// Returns every group with its rules.
pub(super) fn of(cluster: &Cluster) -> [Group; 4] {
    let port = i32::from(cluster.api_load_balancer.port);
    let api_port = i32::from(API_PORT);
    let clients = clients(cluster).into_iter().map(|source| rule("tcp", (port, port), source));
    let mut nodes = asked(cluster, Access::All);
    nodes.push(rule("-1", (-1, -1), ITSELF.to_owned().into()));
    // All traffic among nodes is one rule here.
    nodes.retain(|rule| {
        rule.protocol == "-1" || rule.source.known().is_none_or(|source| source != ITSELF)
    });
    let mut control_plane = asked(cluster, Access::ControlPlane);
    control_plane.push(rule("tcp", (api_port, api_port), Input::reference(api(), "id")));
    [
        (API_GROUP, "the load balancer of the API servers", clients.collect()),
        ("nodes", "all nodes", nodes),
        ("control-plane", "control planes", control_plane),
        ("worker", "workers", asked(cluster, Access::Worker)),
    ]
    .map(|(name, description, inbound)| Group { name, description, inbound: unique(inbound) })
}

/// Returns who may connect to the API server. Machines without public addresses come from that of
/// their gateway; those that have some get rules of their own.
fn clients(cluster: &Cluster) -> Vec<Input<String>> {
    let balancer = &cluster.api_load_balancer;
    if !balancer.is_narrow() {
        return EVERYBODY.map(|range| range.to_owned().into()).to_vec();
    }
    let mut clients = Vec::new();
    if cluster.placement.private {
        clients.push(Input::reference(Address::new("elastic_ip", "nat"), "range"));
    }
    clients.extend(balancer.allow.iter().map(|range| range.to_string().into()));
    clients
}

/// Removes repeated rules and sorts the rest. References sort before what is known; the engine
/// compares them as a set.
fn unique(rules: Vec<RuleSpec>) -> Vec<RuleSpec> {
    let (known, references): (Vec<_>, Vec<_>) =
        rules.into_iter().partition(|rule| rule.source.known().is_some());
    let mut all: Vec<RuleSpec> = Vec::new();
    for rule in references {
        if !all.contains(&rule) {
            all.push(rule);
        }
    }
    all.extend(normal(known));
    all
}

fn asked(cluster: &Cluster, access: Access) -> Vec<RuleSpec> {
    let rules = cluster.firewall.iter().filter(|rule| rule.to == access);
    rules.flat_map(|rule| from(cluster, rule)).collect()
}

fn from(cluster: &Cluster, asked: &FirewallRule) -> Vec<RuleSpec> {
    let protocol = match asked.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp => "icmp",
    };
    let ports = asked.ports.map_or((-1, -1), |(from, to)| (i32::from(from), i32::from(to)));
    let machines = cluster.network.machines.trunc().to_string();
    let mut rules = Vec::new();
    for source in &asked.from {
        match source {
            SourceRange::Cidr(range) => {
                let v6_icmp = protocol == "icmp" && range.contains(':');
                let protocol = if v6_icmp { "icmpv6" } else { protocol };
                let range = range
                    .parse::<ipnet::IpNet>()
                    .map_or(range.clone(), |range| range.trunc().to_string());
                rules.push(rule(protocol, ports, range.into()));
            }
            SourceRange::Nodes if asked.to == Access::All => {
                rules.push(rule(protocol, ports, ITSELF.to_owned().into()));
            }
            SourceRange::Nodes => {
                let nodes = Address::new("security_group", KUBERNETES_GROUP);
                rules.push(rule(protocol, ports, Input::reference(nodes, "id")));
            }
            SourceRange::LoadBalancers if asked.to == Access::ControlPlane => {
                rules.push(rule(protocol, ports, Input::reference(api(), "id")));
            }
            // They are in the network; which ones Kubernetes will make is not known yet.
            SourceRange::LoadBalancers => {
                rules.push(rule(protocol, ports, machines.clone().into()));
            }
        }
    }
    rules
}
