//! What this cloud can't have at all, found without asking it.

use infra_provider_api::{Cluster, Diagnostic, Source};

use super::{groups, network::ZONES_MAX};
use crate::{
    images,
    ownership::is_valid_tag,
    regions,
    resources::API_GROUP,
    scope::{lets_nodes_in, user_tag},
};

/// The vendor's limits of a network, as prefix lengths. The smallest subnet is a /28, and the
/// network is cut into eight.
const PREFIX_MIN: u8 = 16;
const PREFIX_MAX: u8 = 25;
/// A resource has at most 50 tags; machines need the most of this tool's own.
const TAGS_MAX: usize = 10;
/// A security group has at most so many rules for IPv4, and as many for IPv6, unless AWS was asked for
/// more.
const RULES_MAX: usize = 60;

pub(super) fn problems(cluster: &Cluster) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut add = |message: String, hint: String, source: Option<&Source>| {
        problems.push(Diagnostic::new(message).help(hint).in_source(source));
    };
    let machines = cluster.network.machines;
    if !(PREFIX_MIN..=PREFIX_MAX).contains(&machines.prefix_len()) {
        add(
            format!("a VPC of a cluster can't have the range {machines}"),
            "take one from /16 to /25: it is cut into eight subnets".to_owned(),
            None,
        );
    }
    let balancer = &cluster.api_load_balancer;
    for group in groups::of(cluster) {
        let is_api = group.name == API_GROUP;
        let lets_nodes_in = is_api && lets_nodes_in(cluster);
        let (v4, v6) = group.rules();
        let machines = if lets_nodes_in { cluster.nodes().len() } else { 0 };
        // The rule that let everybody in until now, or that of a machine which takes another's place.
        let more = usize::from(is_api && balancer.is_narrow());
        let rules = (v4 + machines).max(v6) + more;
        if rules <= RULES_MAX {
            continue;
        }
        let which = if lets_nodes_in { ", one a machine and one during changes" } else { "" };
        add(
            format!("the security group of {} would have {rules} rules{which}", group.description),
            match lets_nodes_in {
                true => format!(
                    "AWS takes {RULES_MAX}: write `private = true` under [providers.aws], and all \
                     machines share the address of their gateway"
                ),
                false => format!("AWS takes {RULES_MAX}: name fewer ranges, or larger ones"),
            },
            balancer.allow_source.as_ref().filter(|_| is_api),
        );
    }
    let placement = cluster.placement.source.as_ref();
    let zones = regions::zones(&cluster.region, &cluster.placement.zones);
    if zones.len() > ZONES_MAX {
        add(
            format!("{} zones are asked for", zones.len()),
            format!("at most {ZONES_MAX} can be"),
            placement,
        );
    }
    for (at, zone) in zones.iter().enumerate() {
        if !zone.starts_with(&cluster.region) {
            add(
                format!("the zone `{zone}` is not in the region {}", cluster.region),
                format!("write letters, for instance {}a as \"a\"", cluster.region),
                placement,
            );
        } else if zones[..at].contains(zone) {
            add(
                format!("the zone `{zone}` is there twice"),
                "name each once".to_owned(),
                placement,
            );
        }
    }
    for tag in cluster.tags.iter().filter(|tag| !is_valid_tag(tag)) {
        add(
            format!("`{tag}` can't be a tag on AWS"),
            "write `key=value` or `key`: letters, digits, spaces and _.:/=+-@, at most 128 and 256"
                .to_owned(),
            None,
        );
    }
    for tag in &cluster.tags {
        // The key as it will be written: spaces around it are dropped.
        let (key, _) = user_tag(tag);
        if key == "Name" || ["infra.dev/", "kubernetes.io/"].iter().any(|own| key.starts_with(own))
        {
            add(
                format!("the tag `{tag}` could be mistaken for one of this tool's own"),
                "choose another key".to_owned(),
                None,
            );
        }
    }
    if cluster.tags.len() > TAGS_MAX {
        let message = format!("{} tags are asked for", cluster.tags.len());
        add(message, format!("at most {TAGS_MAX} fit beside this tool's own"), None);
    }
    if let Some(key) = cluster.ssh_keys.get(1) {
        add(
            format!("EC2 makes machines with one key, `{}` is one more", key.name),
            "name one under [ssh_keys] for AWS; an overlay can hold the others".to_owned(),
            None,
        );
    }
    for pool in &cluster.pools {
        if images::lookup(&pool.image).is_none() {
            add(
                format!("`{}` does not name an image on AWS", pool.image),
                format!(
                    "`image` takes {}, OWNER/PATTERN, or an id (ami-…)",
                    images::aliases().join(", ")
                ),
                placement,
            );
        }
        for node in &pool.nodes {
            if node.name().len() > 63 {
                let message = format!("`{}` can't be the name of a machine", node.name());
                add(message, "at most 63 characters".to_owned(), pool.source.as_ref());
            }
        }
    }
    problems.dedup();
    problems
}
