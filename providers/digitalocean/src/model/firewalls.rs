//! Firewalls: one for all nodes (`firewall.nodes`), and one for each role that lets in more.

use infra_provider_api::{
    Access, Address, Cluster, FirewallRule, Owner, Protocol, Role, SourceRange,
};

use super::{Part, declare, network::API_PORT};
use crate::{FirewallSpec, RuleSpec, ownership};

const EVERYBODY: [&str; 2] = ["0.0.0.0/0", "::/0"];
const PROTOCOLS: [&str; 3] = ["icmp", "tcp", "udp"];
/// All ports.
const ALL: &str = "0";

/// Declares the firewalls of a cluster, with the addresses that [`names`] gives.
pub(super) fn declared(cluster: &Cluster, owner: &Owner) -> Part {
    let mut all = Vec::new();
    for (access, name) in names(cluster) {
        let tag = match access {
            Access::All => owner.tag(),
            Access::ControlPlane => ownership::role_tag(owner, Role::ControlPlane),
            Access::Worker => ownership::role_tag(owner, Role::Worker),
        };
        let mut inbound: Vec<RuleSpec> =
            asked(cluster, access).map(|rule| inbound_rule(rule, cluster, owner)).collect();
        let mut outbound = Vec::new();
        match access {
            Access::All => {
                inbound.extend(PROTOCOLS.map(|protocol| RuleSpec {
                    tags: vec![owner.tag()],
                    ..RuleSpec::new(protocol, ALL)
                }));
                // Rules of all firewalls of a machine add up: these are enough for each.
                outbound.extend(PROTOCOLS.map(|protocol| RuleSpec {
                    addresses: EVERYBODY.map(str::to_owned).to_vec(),
                    ..RuleSpec::new(protocol, ALL)
                }));
            }
            Access::ControlPlane => inbound.push(RuleSpec {
                addresses: vec![cluster.network.machines.trunc().to_string()],
                ..RuleSpec::new("tcp", &API_PORT.to_string())
            }),
            Access::Worker => {}
        }
        let spec = FirewallSpec { tags: vec![tag], inbound, outbound }.normal();
        all.push(declare(Address::new("firewall", name), &spec)?);
    }
    Ok(all)
}

/// Lists the firewalls that the cluster has. Control planes always have theirs, for the API
/// server's port.
pub(super) fn names(cluster: &Cluster) -> Vec<(Access, &'static str)> {
    let mut names = vec![(Access::All, "nodes"), (Access::ControlPlane, "control-plane")];
    if asked(cluster, Access::Worker).next().is_some() {
        names.push((Access::Worker, "worker"));
    }
    names
}

fn asked(cluster: &Cluster, access: Access) -> impl Iterator<Item = &FirewallRule> {
    cluster.firewall.iter().filter(move |rule| rule.to == access)
}

fn inbound_rule(rule: &FirewallRule, cluster: &Cluster, owner: &Owner) -> RuleSpec {
    let protocol = match rule.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp => "icmp",
    };
    let ports = match rule.ports {
        None => ALL.to_owned(),
        Some((first, last)) if first == last => first.to_string(),
        Some((first, last)) => format!("{first}-{last}"),
    };
    let mut spec = RuleSpec::new(protocol, &ports);
    for source in &rule.from {
        match source {
            SourceRange::Cidr(range) => spec.addresses.push(range.clone()),
            SourceRange::Nodes => spec.tags.push(owner.tag()),
            // They come from inside the network; which ones Kubernetes will make is not known yet.
            SourceRange::LoadBalancers => {
                spec.addresses.push(cluster.network.machines.trunc().to_string());
            }
        }
    }
    spec
}
