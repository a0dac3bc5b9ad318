//! Security groups: one for all nodes, one for each role, one for the API's load balancer.

use infra_provider_api::{Access, Address, Cluster, FirewallRule, Input, Protocol, SourceRange};

use super::{Part, balancer::API_PORT, declare, vpc};
use crate::resources::{ITSELF, KUBERNETES_GROUP, RuleSpec, SecurityGroupSpec, normal};

const EVERYBODY: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// The group of the API's load balancer.
pub(super) fn api() -> Address {
    Address::new("security_group", "api")
}

/// The groups of a machine's role.
pub(super) fn of_role(role: &str) -> [Address; 2] {
    [KUBERNETES_GROUP, role].map(|name| Address::new("security_group", name))
}

fn rule(protocol: &str, ports: (i32, i32), source: Input<String>) -> RuleSpec {
    RuleSpec { protocol: protocol.to_owned(), from: ports.0, to: ports.1, source }
}

pub(super) fn declared(cluster: &Cluster) -> Part {
    let port = i32::from(cluster.api_load_balancer.port);
    let api_port = i32::from(API_PORT);
    let everybody =
        EVERYBODY.map(|range| rule("tcp", (port, port), range.to_owned().into())).to_vec();
    let mut nodes = asked(cluster, Access::All);
    nodes.push(rule("-1", (-1, -1), ITSELF.to_owned().into()));
    // All traffic among nodes is one rule here.
    nodes.retain(|rule| {
        rule.protocol == "-1" || rule.source.known().is_none_or(|source| source != ITSELF)
    });
    let mut control_plane = asked(cluster, Access::ControlPlane);
    control_plane.push(rule("tcp", (api_port, api_port), Input::reference(api(), "id")));
    let groups = [
        ("api", "the load balancer of the API servers", everybody),
        ("nodes", "all nodes", nodes),
        ("control-plane", "control planes", control_plane),
        ("worker", "workers", asked(cluster, Access::Worker)),
    ];
    let mut all = Vec::new();
    for (name, description, inbound) in groups {
        let spec = SecurityGroupSpec {
            vpc: Input::reference(vpc(), "id"),
            description: format!("{}: {description}", cluster.name),
            inbound: unique(inbound),
        };
        all.push(declare(Address::new("security_group", name), &spec)?);
    }
    Ok(all)
}

/// Sorted, each once. References sort before what is known; the engine compares them as a set.
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
