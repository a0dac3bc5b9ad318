//! Which machines exist, and which generation of each slot is wanted.

use std::collections::BTreeMap;

use infra_provider_api::{Address, Cluster};

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
    let mut older = BTreeMap::new();
    for (_, node) in cluster.nodes() {
        let names: Vec<String> = machines
            .iter()
            .map(|address| address.name())
            .filter(|name| {
                let (slot, generation) = infra_provider_api::NodePlan::parse_name(name);
                slot == node.slot && generation < node.generation
            })
            .map(str::to_owned)
            .collect();
        if !names.is_empty() {
            older.insert(node.name(), names);
        }
    }
    older
}
