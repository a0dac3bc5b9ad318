//! Which machines exist, and which generation of each slot is wanted.

use std::collections::{BTreeMap, HashMap};

use infra_provider_api::{Address, Cluster, NodeSlot};

use crate::{
    engine::Observations,
    rotate::{Generations, existing},
};

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
