//! Firewall rules: those of infra.toml that let traffic in to nodes from outside. What nodes, pods and load
//! balancers need among themselves GKE makes by itself, and the control plane is behind the rules with
//! `to = "api"`.

use std::collections::{BTreeMap, BTreeSet};

use infra_provider_api::{
    Access, Address, Cluster, FirewallRule, Input, Owner, Protocol, SourceRange,
};
use ipnet::IpNet;

use super::{Part, declare, network};
use crate::{
    ownership,
    resources::{AllowedSpec, FirewallSpec},
};

/// Declares one firewall for each protocol and range of ports.
pub(super) fn declared(cluster: &Cluster, owner: &Owner) -> Part {
    let mut all = Vec::new();
    for (name, (allowed, sources)) in rules(cluster) {
        let spec = FirewallSpec {
            network: Input::reference(network(), "link"),
            sources: sources.into_iter().collect(),
            allowed: vec![allowed],
            targets: vec![ownership::node_tag(owner)],
            enabled: true,
        };
        all.push(declare(Address::new("firewall", name), &spec.sorted())?);
    }
    Ok(all)
}

/// Returns what each firewall lets in and from where, by its name.
pub(super) fn rules(cluster: &Cluster) -> BTreeMap<String, (AllowedSpec, BTreeSet<String>)> {
    let mut rules: BTreeMap<String, (AllowedSpec, BTreeSet<String>)> = BTreeMap::new();
    let to_nodes = cluster.firewall.iter().filter(|rule| rule.to != Access::ControlPlane);
    for rule in to_nodes {
        let sources: Vec<String> = outside(rule, cluster).collect();
        if sources.is_empty() {
            continue;
        }
        let (name, allowed) = allowed(rule);
        rules.entry(name).or_insert((allowed, BTreeSet::new())).1.extend(sources);
    }
    rules
}

/// Returns the ranges of a rule that are not the machines' own. The network has no IPv6.
fn outside<'a>(rule: &'a FirewallRule, cluster: &'a Cluster) -> impl Iterator<Item = String> + 'a {
    let ranges = rule.from.iter().filter_map(|source| match source {
        SourceRange::Cidr(text) => text.parse::<IpNet>().ok(),
        SourceRange::Nodes | SourceRange::LoadBalancers => None,
    });
    let machines = IpNet::V4(cluster.network.machines);
    let out = ranges.filter(move |range| range.addr().is_ipv4() && !machines.contains(range));
    out.map(|range| range.trunc().to_string())
}

/// Returns the name of a rule and what it lets in.
fn allowed(rule: &FirewallRule) -> (String, AllowedSpec) {
    let protocol = match rule.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp => "icmp",
    };
    let ports = rule.ports.map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    let name = match &ports {
        Some(ports) => format!("{protocol}-{ports}"),
        None => protocol.to_owned(),
    };
    (name, AllowedSpec { protocol: protocol.to_owned(), ports: ports.into_iter().collect() })
}
