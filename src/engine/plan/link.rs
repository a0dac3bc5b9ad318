//! What must be done before what.

use std::collections::HashMap;

use infra_provider_api::{Address, MadeBy};

use super::{
    Action, Change,
    bound::is_bound,
    world::{Ids, World},
};

/// Fills `needs`, `deleted_after`, `replaced_by` and `created_after` of each change. `guess`: also by ids that
/// observed specs mention, where neither record nor declaration tells.
pub(super) fn link(world: &World<'_>, ids: &Ids<'_>, changes: &mut [Change], guess: bool) {
    let actions: HashMap<Address, (usize, Action)> = changes
        .iter()
        .enumerate()
        .filter(|(_, change)| change.action != Action::NoOp)
        .map(|(index, change)| (change.address.clone(), (index, change.action)))
        .collect();
    let makes =
        |action: Action| action.creates() || matches!(action, Action::Update | Action::Resume);
    for change in changes.iter_mut() {
        change.deleted_after.clear();
        change.replaced_by.clear();
        change.created_after.clear();
        change.needs = if makes(change.action) {
            let needs = world.graph.needs(&change.address);
            needs
                .filter(|need| actions.get(need).is_some_and(|(_, a)| makes(*a)))
                .cloned()
                .collect()
        } else {
            Vec::new()
        };
    }
    for index in 0..changes.len() {
        link_deletes(world, ids, changes, &actions, index, guess);
        link_owner(world, changes, &actions, index);
    }
    for new in world.graph.iter() {
        if !actions.get(&new.address).is_some_and(|(_, action)| makes(*action)) {
            continue;
        }
        for old in &new.supersedes {
            if let Some((index, Action::Delete)) = actions.get(old) {
                changes[*index].replaced_by.push(new.address.clone());
            }
        }
    }
}

/// What belonged to something that is gone goes before that is created again.
fn link_owner(
    world: &World<'_>,
    changes: &mut [Change],
    actions: &HashMap<Address, (usize, Action)>,
    index: usize,
) {
    if !changes[index].action.destroys() {
        return;
    }
    let address = changes[index].address.clone();
    let Some(declared) = world.graph.get(&address) else { return };
    for need in world.graph.needs(&address) {
        // One that is replaced is deleted after what needs it, so its create comes later anyway.
        if let Some(&(place, Action::Create)) = actions.get(need)
            && is_bound(world, declared, need)
        {
            changes[place].created_after.push(address.clone());
        }
    }
}

/// What change `index` needed can go only after it is gone, or no longer refers to it.
fn link_deletes(
    world: &World<'_>,
    ids: &Ids<'_>,
    changes: &mut [Change],
    actions: &HashMap<Address, (usize, Action)>,
    index: usize,
    guess: bool,
) {
    let change = &changes[index];
    let Some(observed) = &change.observed else { return };
    if !(change.action.destroys() || change.action == Action::Update) {
        return;
    }
    // A second one at the same address is only known by what it mentions.
    let needs = match (change.address == observed.address, guess) {
        (true, true) => world.all_needs(&observed.address, ids),
        (true, false) => world.known_needs(&observed.address).unwrap_or_default(),
        (false, true) => ids.mentioned_in(observed),
        (false, false) => return,
    };
    let machines = &world.input.options.machine_kinds;
    let by_kubernetes = observed.made_by != MadeBy::Infra;
    let (address, destroys) = (change.address.clone(), change.action.destroys());
    for need in needs {
        // It goes after the machines, so these can't go after it.
        if by_kubernetes && machines.iter().any(|kind| kind == need.kind()) {
            continue;
        }
        let Some(&(place, action)) = actions.get(&need) else { continue };
        if destroys && action.destroys() {
            changes[place].deleted_after.push(address.clone());
        } else if !destroys && action == Action::Delete {
            changes[place].replaced_by.push(address.clone());
        }
    }
}
