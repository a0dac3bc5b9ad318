//! Instances as rows: how they are made, chosen and taken away.

use std::collections::{BTreeMap, HashSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::names;
use crate::gcp::account::GcpAccount;
use crate::world::{GkeCluster, GkePool, Instance, InstanceStatus, State, mix};

/// Where subnets that nobody made have their addresses.
const DEFAULT_SUBNET: &str = "10.128.0.0/20";

/// Makes an instance of a pool in a zone, with this name or with one of its own.
pub fn create(
    w: &mut State,
    account: &GcpAccount,
    cluster: &GkeCluster,
    pool: &GkePool,
    zone: &str,
    name: Option<&str>,
) -> Instance {
    let base = names::base(cluster, pool, zone);
    let name = match name {
        Some(name) => name.to_owned(),
        None => names::new_instance(w, &base),
    };
    let config = &pool.config["config"];
    let text = |key: &str| config[key].as_str().unwrap_or_default().to_owned();
    let networks = &cluster.config["networkConfig"];
    let network = networks["network"].as_str().unwrap_or_default().to_owned();
    let subnetwork = networks["subnetwork"].as_str().unwrap_or_default().to_owned();
    let is_private = pool.config["networkConfig"]["enablePrivateNodes"] == true;
    let external_ip = if is_private { None } else { w.next_public(&[]) };
    let seq = w.counters.next_order();
    // Numbers of Google's have up to nineteen digits; droplets' are small, so that none is both.
    let id = mix(w.counters.seed, "instance", seq) >> 2 | 1 << 61;
    let mut tags: Vec<String> = config["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|t| Some(t.as_str()?.to_owned()))
        .collect();
    tags.push(node_tag(cluster));
    let mut labels: BTreeMap<String, String> = config["resourceLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())))
        .collect();
    labels.extend([
        ("goog-gke-node".to_owned(), String::new()),
        ("goog-k8s-cluster-location".to_owned(), cluster.location.clone()),
        ("goog-k8s-cluster-name".to_owned(), cluster.name.clone()),
        ("goog-k8s-node-pool-name".to_owned(), pool.name.clone()),
    ]);
    let service_account = match text("serviceAccount").as_str() {
        "" | "default" => format!("{}-compute@developer.gserviceaccount.com", account.number),
        other => other.to_owned(),
    };
    let internal_ip = next_internal(w, &subnetwork);
    let row = Instance {
        seq,
        key: format!("{zone}/{name}"),
        id,
        name,
        zone: zone.to_owned(),
        group: format!("{base}-grp"),
        cluster: cluster.seq,
        pool: pool.name.clone(),
        template: pool.template,
        status: InstanceStatus::Provisioning,
        machine_type: text("machineType"),
        tags,
        labels,
        network,
        subnetwork,
        internal_ip,
        external_ip,
        version: pool.version.clone(),
        service_account,
        disks: Vec::new(),
        created_at: jiff::Timestamp::now(),
    };
    w.instances.put(row.clone());
    row
}

/// Returns the network tag that GKE gives to all nodes of a cluster.
pub fn node_tag(cluster: &GkeCluster) -> String {
    let short: String = cluster.name.chars().take(30).collect();
    format!("gke-{short}-{}-node", cluster.hash)
}

/// Takes the first address of a subnet that no instance has.
fn next_internal(w: &State, subnetwork: &str) -> Ipv4Addr {
    let range = super::subnets::primary(w, subnetwork)
        .or_else(|| DEFAULT_SUBNET.parse().ok())
        .unwrap_or_else(|| Ipv4Net::from(Ipv4Addr::new(10, 128, 0, 0)));
    let used: HashSet<Ipv4Addr> = w
        .instances
        .iter()
        .filter(|one| one.subnetwork == subnetwork)
        .map(|one| one.internal_ip)
        .collect();
    // The first one is the gateway's.
    range.hosts().skip(1).find(|ip| !used.contains(ip)).unwrap_or_else(|| range.network())
}

/// Lists the instances of a pool that are not on their way out, oldest first.
pub fn of_pool<'a>(w: &'a State, pool: &'a GkePool) -> impl Iterator<Item = &'a Instance> {
    w.instances
        .by_group(pool.cluster)
        .map(|one| &**one)
        .filter(|one| one.pool == pool.name && one.status != InstanceStatus::Stopping)
}

/// Begins to take an instance away. With `lower`, its group does not make another in its place.
pub fn remove(w: &mut State, seq: u64, lower: bool) {
    let Some(row) = w.instances.get(seq).cloned() else { return };
    if row.status == InstanceStatus::Stopping {
        return;
    }
    w.instances.modify(seq, |one| one.status = InstanceStatus::Stopping);
    let key = format!("{}/{}", row.cluster, row.pool);
    let pool = w.gke_pools.by_id(&key).map(|pool| pool.seq);
    if let Some(pool) = pool.filter(|_| lower) {
        w.gke_pools.modify(pool, |pool| {
            if let Some(target) = pool.targets.get_mut(&row.zone) {
                *target = target.saturating_sub(1);
            }
        });
    }
}

/// Brings the instances of all pools closer to what their groups are to have. Whom a group gives up is
/// nobody's choice but the seed's. Returns true if anything changed.
pub fn settle(w: &mut State, account: &GcpAccount, stocked_out: impl Fn(&str) -> bool) -> bool {
    let pools: Vec<_> = w.gke_pools.iter().cloned().collect();
    let mut changed = false;
    for pool in pools {
        let Some(cluster) = w.gke_clusters.get(pool.cluster).cloned() else { continue };
        let mut zones = pool.targets.clone();
        // A zone that the pool has left is to have none.
        for one in of_pool(w, &pool) {
            zones.entry(one.zone.clone()).or_default();
        }
        for (zone, target) in &zones {
            let mut here: Vec<(u64, String)> = of_pool(w, &pool)
                .filter(|one| one.zone == *zone)
                .map(|one| (one.seq, one.name.clone()))
                .collect();
            let target = *target as usize;
            while here.len() > target {
                let at = mix(w.counters.seed, "victim", pool.revision + here.len() as u64);
                let at = usize::try_from(at % here.len() as u64).unwrap_or(0);
                let (victim, _) = here.swap_remove(at);
                w.instances.modify(victim, |one| one.status = InstanceStatus::Stopping);
                changed = true;
            }
            if here.len() < target && stocked_out(&names::group(&cluster, &pool, zone)) {
                changed |= note_stockout(w, &pool, zone);
                continue;
            }
            for _ in here.len()..target {
                create(w, account, &cluster, &pool, zone, None);
                changed = true;
            }
            if pool.stockouts.contains_key(zone) {
                w.gke_pools.modify(pool.seq, |pool| {
                    pool.stockouts.remove(zone);
                });
                changed = true;
            }
        }
    }
    changed
}

fn note_stockout(w: &mut State, pool: &GkePool, zone: &str) -> bool {
    if pool.stockouts.contains_key(zone) {
        return false;
    }
    let machine = pool.config["config"]["machineType"].as_str().unwrap_or_default();
    let text = format!(
        "The zone '{zone}' does not have enough resources available to fulfill the request for machine type '{machine}'. Try a different zone, or try again later."
    );
    w.gke_pools.modify(pool.seq, |pool| {
        pool.stockouts.insert(zone.to_owned(), text);
    })
}
