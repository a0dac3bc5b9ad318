//! What must be done before what.

use std::collections::{HashMap, HashSet};

use infra_provider_api::{Address, ManagedBy};

use super::{
    Action, Change, PlanError,
    bound::is_bound,
    index::{Ids, PlanIndex},
    steps::Steps,
};

/// Links the changes as closely as goes without a circle, and returns their steps.
///
/// # Errors
/// Returns [`PlanError::Order`] if even what must be leads in a circle.
pub(super) fn link(
    world: &PlanIndex<'_>,
    ids: &Ids<'_>,
    changes: &mut [Change],
) -> Result<Steps, PlanError> {
    let machines = &world.input.options.machine_kinds;
    // Edges that were only guessed from ids may run in a circle.
    for guess in [true, false] {
        fill(world, ids, changes, &Edges { guess, ..Edges::default() });
        if let Ok(steps) = Steps::of(changes, machines) {
            return Ok(steps);
        }
    }
    // So may those that lead through what stays as it is: it works already, with what there was before.
    let mut failed = None;
    for guess in [true, false] {
        fill(world, ids, changes, &Edges { guess, ..Edges::default() });
        let direct = Steps::tangled(changes, machines);
        fill(world, ids, changes, &Edges { guess, direct });
        match Steps::of(changes, machines) {
            Ok(steps) => return Ok(steps),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or(PlanError::Order { path: Vec::new() }))
}

/// Which edges are filled in.
#[derive(Default)]
struct Edges {
    /// Also those by ids that observed specs mention, where neither record nor declaration tells.
    guess: bool,
    /// What waits for its direct needs alone.
    direct: HashSet<Address>,
}

/// Fills `needs`, `deleted_after`, `replaced_by` and `created_after` of each change.
fn fill(world: &PlanIndex<'_>, ids: &Ids<'_>, changes: &mut [Change], edges: &Edges) {
    let actions: HashMap<Address, (usize, Action)> = changes
        .iter()
        .enumerate()
        .filter(|(_, change)| change.action != Action::NoOp && !change.recovers)
        .map(|(index, change)| (change.address.clone(), (index, change.action)))
        .collect();
    let mut through = Through { world, actions: &actions, known: HashMap::new() };
    for change in changes.iter_mut() {
        change.deleted_after.clear();
        change.replaced_by.clear();
        change.created_after.clear();
        change.needs = match &change.address {
            _ if !makes(change.action) => Vec::new(),
            address if edges.direct.contains(address) => through.direct(address),
            address => through.makers(address),
        };
    }
    for index in 0..changes.len() {
        link_deletes(world, ids, changes, &actions, index, edges.guess);
        link_owner(world, changes, &actions, index);
    }
    link_declared(changes, &actions);
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

/// Returns true if a change makes, changes or waits for something that others may need.
fn makes(action: Action) -> bool {
    action.creates() || matches!(action, Action::Update | Action::Resume)
}

/// What is waited for, also through what stays as it is: what lives behind the API server needs its
/// kubeconfig, though the API server itself is not touched.
struct Through<'a> {
    world: &'a PlanIndex<'a>,
    actions: &'a HashMap<Address, (usize, Action)>,
    /// What each resource that stays as it is stands for.
    known: HashMap<Address, Vec<Address>>,
}

impl Through<'_> {
    /// Returns the makers that `address` itself needs, each once, in order.
    fn direct(&self, address: &Address) -> Vec<Address> {
        let is_made = |need: &&Address| self.actions.get(*need).is_some_and(|(_, one)| makes(*one));
        let mut seen = HashSet::new();
        let needs = self.world.graph.needs(address).filter(is_made);
        needs.filter(|need| seen.insert(*need)).cloned().collect()
    }

    /// Returns the nearest makers among what `address` needs, each once, in order.
    fn makers(&mut self, address: &Address) -> Vec<Address> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        for need in self.world.graph.needs(address) {
            match self.actions.get(need).map(|(_, action)| *action) {
                Some(action) if makes(action) => {
                    if seen.insert(need.clone()) {
                        found.push(need.clone());
                    }
                }
                Some(Action::Delete | Action::Forget) => {}
                _ => {
                    let behind = match self.known.get(need) {
                        Some(behind) => behind.clone(),
                        None => {
                            let behind = self.makers(need);
                            self.known.insert(need.clone(), behind.clone());
                            behind
                        }
                    };
                    found.extend(behind.into_iter().filter(|one| seen.insert(one.clone())));
                }
            }
        }
        found
    }
}

/// Orders the deletion of what belonged to a resource that is gone before that resource is created
/// again.
fn link_owner(
    world: &PlanIndex<'_>,
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

/// Orders what a resource is created after, as it is declared: the machines of a cluster that is gone
/// before those that make the next one. Once that runs, nobody could tell which had joined the one before.
fn link_declared(changes: &mut [Change], actions: &HashMap<Address, (usize, Action)>) {
    let destroys = |one: &&Address| actions.get(*one).is_some_and(|(_, action)| action.destroys());
    for change in changes.iter_mut().filter(|change| change.action.creates()) {
        let Some(declared) = &change.declared else { continue };
        let before: Vec<Address> =
            declared.created_after.iter().filter(destroys).cloned().collect();
        change.created_after.extend(before);
    }
}

/// Orders what change `index` needed to go only after it is gone, or no longer refers to it.
fn link_deletes(
    world: &PlanIndex<'_>,
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
    let by_kubernetes = matches!(observed.made_by, ManagedBy::Kubernetes { .. });
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
