//! Which machines exist, and which generation of each slot is wanted.

use std::collections::{BTreeMap, HashMap};

use infra_provider_api::{Address, Cluster, NodeSlot};

use crate::{
    engine::Observations,
    rotate::{Generations, existing},
};

/// Fills the generations of pools into `cluster`, and tells which older pools each still has, by its name with its
/// generation. A pool that is being rotated begins with as many machines as the one has whose place it takes.
pub(super) fn fill_pools(
    cluster: &mut Cluster,
    generations: &Generations,
    observed: &Observations,
    pool_kind: &str,
) -> BTreeMap<String, Vec<String>> {
    let pools: Vec<&Address> =
        observed.resources.keys().filter(|address| address.kind() == pool_kind).collect();
    generations.fill_pools(cluster, &existing(pools.iter().copied()));
    let mut older: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pool in &mut cluster.pools {
        let is_older = |address: &&&Address| {
            let (name, generation) = NodeSlot::parse_name(address.name());
            name == pool.name && generation < pool.generation
        };
        let before: Vec<&Address> = pools.iter().filter(is_older).copied().collect();
        if before.is_empty() {
            continue;
        }
        let sizes =
            before.iter().filter_map(|old| observed.get(old)?.outputs.get("size")?.as_u64());
        if let (Some(bounds), Some(size)) = (pool.bounds, sizes.max()) {
            let size = u32::try_from(size).unwrap_or(u32::MAX).clamp(bounds.min, bounds.max);
            let first = u32::try_from(pool.nodes.len()).unwrap_or(u32::MAX);
            pool.nodes.extend((first + 1..=size).map(|number| NodeSlot {
                slot: format!("{}-{number}", pool.name),
                generation: 1,
                revision: String::new(),
            }));
        }
        let names = before.iter().map(|old| old.name().to_owned());
        older.insert(pool.generation_name(), names.collect());
    }
    older
}

/// Fills generations into `cluster`, and tells which older machines each slot still has.
pub(super) fn fill(
    cluster: &mut Cluster,
    generations: &Generations,
    observed: &Observations,
    machine_kind: &str,
) -> BTreeMap<String, Vec<String>> {
    let machines: Vec<&Address> =
        observed.resources.keys().filter(|address| address.kind() == machine_kind).collect();
    generations.fill(cluster, &existing(machines.iter().copied()));
    let mut by_slot: HashMap<String, Vec<(u32, &str)>> = HashMap::new();
    for address in machines {
        let (slot, generation) = NodeSlot::parse_name(address.name());
        by_slot.entry(slot).or_default().push((generation, address.name()));
    }
    let mut older = BTreeMap::new();
    for (_, node) in cluster.nodes() {
        let machines = by_slot.get(&node.slot).into_iter().flatten();
        let names: Vec<String> = machines
            .filter(|(generation, _)| *generation < node.generation)
            .map(|(_, name)| (*name).to_owned())
            .collect();
        if !names.is_empty() {
            older.insert(node.name(), names);
        }
    }
    older
}
