//! What this cloud can't have at all, found without asking it.

use ipnet::Ipv4Net;

use infra_provider_api::{Cluster, Diagnostic, Owner};

use crate::ownership::is_valid_tag;

/// The vendor's limits of a network, as prefix lengths.
const PREFIX_MIN: u8 = 16;
const PREFIX_MAX: u8 = 28;
/// The vendor's limits of DNS.
const TTL_MIN_S: u32 = 30;

pub(super) fn problems(cluster: &Cluster, owner: &Owner) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut add = |message: String, hint: &str, source: Option<&infra_provider_api::Source>| {
        problems.push(Diagnostic::new(message).help(hint).in_source(source));
    };
    let machines = cluster.network.machines;
    if !(PREFIX_MIN..=PREFIX_MAX).contains(&machines.prefix_len()) {
        add(
            format!("a VPC can't have the range {machines}"),
            "DigitalOcean takes networks from /16 to /28",
            None,
        );
    }
    if !is_private(machines) {
        add(
            format!("a VPC can't have the range {machines}: it is public"),
            "take one out of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
            None,
        );
    }
    let balancer = &cluster.api_load_balancer;
    for range in balancer.allow.iter().filter(|range| range.addr().is_ipv6()) {
        add(
            format!("{range} can't be let in to the API server: its load balancer has no IPv6"),
            "write IPv4 ranges in the rule with `to = \"api\"`",
            balancer.allow_source.as_ref(),
        );
    }
    for tag in cluster.tags.iter().filter(|tag| !is_valid_tag(tag)) {
        add(
            format!("`{tag}` can't be a tag on DigitalOcean"),
            "tags have letters, digits, `:`, `-` and `_`, at most 255",
            None,
        );
    }
    // Tags that differ in case only are one tag on DigitalOcean.
    let is_ours = |tag: &&String| {
        let tag = tag.to_ascii_lowercase();
        tag.starts_with("infra:") || tag.starts_with("infra-")
    };
    for tag in cluster.tags.iter().filter(is_ours) {
        add(
            format!("the tag `{tag}` could be mistaken for one of this tool's own"),
            "choose one that does not begin with `infra`",
            None,
        );
    }
    for (pool, node) in cluster.nodes() {
        let name = node.name();
        if !is_host_name(&name) {
            let source = pool.source.as_ref();
            add(format!("`{name}` can't be the name of a machine"), "use a-z, 0-9 and `-`", source);
        }
    }
    if !is_host_name(&owner.exact_name("api")) {
        add(
            format!("`{}` can't be part of names on DigitalOcean", cluster.name),
            "use a-z, 0-9 and `-` in the cluster's name",
            None,
        );
    }
    if let Some(dns) = cluster.dns.as_ref().filter(|dns| dns.ttl_s < TTL_MIN_S) {
        let message = format!("DNS answers can't be kept for {} s", dns.ttl_s);
        add(message, "DigitalOcean takes 30 s and more", dns.source.as_ref());
    }
    problems
}

fn is_private(range: Ipv4Net) -> bool {
    let ranges = [([10, 0, 0, 0], 8), ([172, 16, 0, 0], 12), ([192, 168, 0, 0], 16)];
    ranges.into_iter().any(|(address, prefix)| {
        Ipv4Net::new(address.into(), prefix).is_ok_and(|private| private.contains(&range))
    })
}

/// Returns true if a text is a host name, by the strictest rule of what takes the name: droplets,
/// VPCs, firewalls and Kubernetes.
fn is_host_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= 63
        && name.bytes().all(|byte| letter(byte) || byte == b'-')
        && name.bytes().next().is_some_and(letter)
        && name.bytes().last().is_some_and(letter)
}
