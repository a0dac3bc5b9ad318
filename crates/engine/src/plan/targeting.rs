//! `--target` and `--phase`: what is in the plan.

use std::collections::{HashMap, HashSet};

use infra_provider_api::Address;

use super::{
    PlanError,
    index::{Ids, PlanIndex},
};

/// What is in the plan.
pub(super) struct Selection {
    /// `None`: everything.
    targets: Option<HashSet<Address>>,
    later: HashSet<Address>,
}

impl Selection {
    pub(super) fn new(world: &PlanIndex<'_>, ids: &Ids<'_>) -> Result<Self, PlanError> {
        let options = world.input.options;
        for address in options.targets.iter().chain(&options.replace) {
            check(world, address)?;
        }
        let later: HashSet<Address> = world.later_phase().into_iter().cloned().collect();
        let targets = (!options.targets.is_empty()).then(|| closure(world, ids));
        Ok(Self { targets, later })
    }

    pub(super) fn is_targeted(&self, address: &Address) -> bool {
        self.targets.as_ref().is_none_or(|targets| targets.contains(address))
    }

    pub(super) fn is_later(&self, address: &Address) -> bool {
        self.later.contains(address)
    }
}

fn check(world: &PlanIndex<'_>, address: &Address) -> Result<(), PlanError> {
    if world.graph.get(address).is_some()
        || world.existing(address).is_some()
        || world.recorded(address).is_some()
    {
        return Ok(());
    }
    let words: HashSet<String> = world
        .graph
        .iter()
        .map(|declared| &declared.address)
        .chain(world.observed.keys().copied())
        .map(ToString::to_string)
        .collect();
    let near = infra_provider_api::nearest(&address.to_string(), words.iter().map(String::as_str));
    let near = near.and_then(|text| text.parse().ok());
    Err(PlanError::UnknownTarget { address: address.clone(), near })
}

/// Collects the targets, what they need, what goes with them, what they take the place of, and what needs
/// those that go.
fn closure(world: &PlanIndex<'_>, ids: &Ids<'_>) -> HashSet<Address> {
    let options = world.input.options;
    let mut dependents: HashMap<Address, Vec<Address>> = HashMap::new();
    for address in world.observed.keys().copied().chain(world.assumed.keys()) {
        if options.destroy || world.graph.get(address).is_none() {
            // A guess must not draw more into a targeted destroy than is known to depend on it.
            let needs = match world.recorded(address) {
                Some(recorded) => recorded.needs.clone(),
                None => world.all_needs(address, ids),
            };
            for need in needs {
                dependents.entry(need).or_default().push(address.clone());
            }
        }
    }
    let mut selected = HashSet::new();
    let mut todo: Vec<Address> = options.targets.clone();
    while let Some(address) = todo.pop() {
        if !selected.insert(address.clone()) {
            continue;
        }
        match world.graph.get(&address) {
            Some(declared) if !options.destroy => {
                todo.extend(world.graph.needs(&address).cloned());
                todo.extend(declared.supersedes.iter().cloned());
                todo.extend(declared.companions.iter().chain(&declared.created_after).cloned());
            }
            _ => todo.extend(dependents.get(&address).into_iter().flatten().cloned()),
        }
    }
    selected
}
