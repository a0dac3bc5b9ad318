//! What GKE can't have at all, found without asking it.

use infra_provider_api::{Cluster, ControlPlaneReach, Diagnostic, NodeSlot, Owner, Pool, Source};

use super::{firewalls, validate_pools};
use crate::{Scope, ownership::USER_TAG};

/// The longest name of a cluster.
const CLUSTER_NAME_MAX: usize = 40;
/// The longest name of a pool, less that of the generations after it: `-g99`.
const POOL_NAME_MAX: usize = 40 - 4;
/// The longest name of most things.
const NAME_MAX: usize = 63;
/// The smallest boot disk.
const DISK_MIN_GIB: u32 = 10;
/// The longest prefixes of the ranges of machines and of Services.
const MACHINES_PREFIX_MAX: u8 = 29;
const SERVICES_PREFIX_MAX: u8 = 27;
/// The range of pods that every node takes.
const NODE_PREFIX: u8 = 24;
/// A resource has at most 64 labels; some are this tool's own.
const TAGS_MAX: usize = 50;

/// What was found so far.
pub(super) struct Problems(Vec<Diagnostic>);

impl Problems {
    pub(super) fn add(
        &mut self,
        message: impl Into<String>,
        help: impl Into<String>,
        at: Option<&Source>,
    ) {
        self.0.push(Diagnostic::new(message).help(help).in_source(at));
    }
}

pub(super) fn problems(cluster: &Cluster, owner: &Owner) -> Vec<Diagnostic> {
    let mut problems = Problems(Vec::new());
    names(&mut problems, cluster, owner);
    ranges(&mut problems, cluster);
    zones(&mut problems, cluster);
    tags(&mut problems, cluster);
    account(&mut problems, cluster);
    if let Some(disk) = cluster.placement.disk_gib.filter(|disk| *disk < DISK_MIN_GIB) {
        let message = format!("the boot disk of a node can't have {disk} GiB");
        let help = format!("write {DISK_MIN_GIB}GiB or more");
        problems.add(message, help, cluster.placement.source.as_ref());
    }
    for pool in &cluster.pools {
        validate_pools::counts(&mut problems, pool, Scope::of(cluster).zones.len());
        validate_pools::keys(&mut problems, pool);
    }
    problems.0
}

fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase();
    let allowed = |byte: u8| letter(byte) || byte.is_ascii_digit();
    name.bytes().all(|byte| allowed(byte) || byte == b'-')
        && name.bytes().next().is_some_and(letter)
        && name.bytes().last().is_some_and(allowed)
}

fn names(problems: &mut Problems, cluster: &Cluster, owner: &Owner) {
    let name = &cluster.name;
    if name.len() > CLUSTER_NAME_MAX || !is_name(name) {
        problems.add(
            format!("`{name}` can't be the name of a cluster on GKE"),
            format!("begin with a letter, and use a-z, 0-9 and `-`, at most {CLUSTER_NAME_MAX}"),
            None,
        );
    }
    for pool in &cluster.pools {
        if pool.name.len() > POOL_NAME_MAX || !is_name(&pool.name) {
            problems.add(
                format!("`{}` can't be the name of a pool on GKE", pool.name),
                format!(
                    "begin with a letter, and use a-z, 0-9 and `-`, at most {POOL_NAME_MAX}: the pool \
                     that takes its place is called `{}-g2`",
                    pool.name
                ),
                pool.source.as_ref(),
            );
        } else if NodeSlot::parse_name(&pool.name).1 > 1 {
            problems.add(
                format!("`{}` can't be the name of a pool on GKE", pool.name),
                format!(
                    "choose a name without a number behind `-g`: so is called what takes the place of the pool `{}`",
                    NodeSlot::parse_name(&pool.name).0
                ),
                pool.source.as_ref(),
            );
        }
    }
    for rule in firewalls::rules(cluster).keys() {
        let whole = owner.exact_name(rule);
        if whole.len() > NAME_MAX {
            problems.add(
                format!("`{whole}` can't be the name of a firewall on Google Cloud"),
                format!("shorten the cluster's name: at most {NAME_MAX} characters fit"),
                None,
            );
        }
    }
}

fn ranges(problems: &mut Problems, cluster: &Cluster) {
    let network = &cluster.network;
    if network.machines.prefix_len() > MACHINES_PREFIX_MAX {
        problems.add(
            format!("a subnet can't have the range {}", network.machines),
            format!("make it a /{MACHINES_PREFIX_MAX} or larger"),
            network.machines_source.as_ref(),
        );
    }
    if network.services.prefix_len() > SERVICES_PREFIX_MAX {
        problems.add(
            format!("the range {} has no room for the Services of GKE", network.services),
            format!("make `services` under [network] a /{SERVICES_PREFIX_MAX} or larger"),
            None,
        );
    }
    let room = 1_usize << NODE_PREFIX.saturating_sub(network.pods.prefix_len());
    let nodes: usize = cluster.pools.iter().map(Pool::nodes_max).sum();
    // GKE upgrades the nodes of each pool by adding one first.
    let wanted = nodes + cluster.pools.len();
    if room < wanted {
        let bits = usize::BITS - (wanted - 1).leading_zeros();
        let largest = cluster.pools.iter().max_by_key(|pool| pool.nodes_max());
        problems.add(
            format!(
                "`pods` ({}) has room for {room} nodes, a /{NODE_PREFIX} each; {nodes} nodes, and one more \
                 of each pool while GKE upgrades it, do not fit",
                network.pods
            ),
            format!(
                "make it a /{} or larger, in [network]",
                u32::from(NODE_PREFIX).saturating_sub(bits)
            ),
            largest.and_then(|pool| pool.source.as_ref()),
        );
    }
    if network.cluster_domain != "cluster.local" {
        problems.add(
            format!(
                "GKE has no other cluster domain than cluster.local, and not `{}`",
                network.cluster_domain
            ),
            "leave `cluster_domain` under [network] out",
            None,
        );
    }
    let allowed = &cluster.api_load_balancer;
    for range in allowed.allow.iter().filter(|range| range.addr().is_ipv6()) {
        problems.add(
            format!("{range} can't be let in to the API server: GKE takes IPv4 only"),
            "write IPv4 ranges in the rule with `to = \"api\"`",
            allowed.allow_source.as_ref(),
        );
    }
}

fn zones(problems: &mut Problems, cluster: &Cluster) {
    let zones = Scope::of(cluster).zones;
    let source = cluster.placement.source.as_ref().or(cluster.region_source.as_ref());
    if zones.is_empty() && cluster.managed.reach == Some(ControlPlaneReach::Zonal) {
        problems.add(
            "no zone is named for a control plane that runs in one",
            "write zones = [\"a\"] under [providers.gcp]: it runs in the first of them",
            source,
        );
    }
    for (at, zone) in zones.iter().enumerate() {
        let letter = zone.strip_prefix(&cluster.region).and_then(|rest| rest.strip_prefix('-'));
        if letter.is_none_or(|letter| letter.is_empty() || letter.contains('-')) {
            problems.add(
                format!("the zone `{zone}` is not in the region {}", cluster.region),
                format!("write letters, for instance {}-a as \"a\"", cluster.region),
                source,
            );
        } else if zones[..at].contains(zone) {
            problems.add(format!("the zone `{zone}` is there twice"), "name each once", source);
        }
    }
}

/// GKE finds an account by its e-mail only, and would refuse the whole cluster for another text.
fn account(problems: &mut Problems, cluster: &Cluster) {
    let Some(account) = &cluster.managed.service_account else { return };
    let is_email = account.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.ends_with(".gserviceaccount.com") && !host.contains('@')
    });
    if !is_email {
        problems.add(
            format!("`{account}` is not the e-mail of a service account"),
            "write it as name@project.iam.gserviceaccount.com; `gcloud iam service-accounts list` shows it",
            cluster.placement.source.as_ref(),
        );
    }
}

/// The user's tags become labels: a key, or a key and a value.
fn tags(problems: &mut Problems, cluster: &Cluster) {
    let is_part = |text: &str| {
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        text.chars().all(allowed)
    };
    let mut keys: Vec<&str> = Vec::new();
    for tag in &cluster.tags {
        let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
        let longest = NAME_MAX - USER_TAG.len();
        if key.is_empty()
            || key.len() > longest
            || !is_part(key)
            || !is_part(value)
            || value.len() > NAME_MAX
        {
            problems.add(
                format!("`{tag}` can't be a label on Google Cloud"),
                format!(
                    "write `key` or `key=value`: a-z, 0-9, `-` and `_`, at most {longest} and {NAME_MAX}"
                ),
                None,
            );
        } else if keys.contains(&key) {
            problems.add(
                format!("the key of the tag `{tag}` is there twice"),
                "a label has one value: name each key once",
                None,
            );
        }
        keys.push(key);
    }
    if cluster.tags.len() > TAGS_MAX {
        let message = format!("{} tags are asked for", cluster.tags.len());
        problems.add(message, format!("at most {TAGS_MAX} fit beside this tool's own"), None);
    }
}
