//! What exists or is recorded, and is not (or no longer) to be.

use std::collections::HashMap;

use infra_provider_api::{Address, ManagedBy, Observed, Place};

use super::{Action, Change, index::PlanIndex, targeting::Selection};

/// Adds deletes and forgets of all that is not declared.
pub(super) fn add(
    world: &PlanIndex<'_>,
    selection: &Selection,
    changes: &mut Vec<Change>,
    notes: &mut Vec<String>,
) {
    let options = world.input.options;
    let superseded: HashMap<&Address, &Address> = world
        .graph
        .iter()
        .flat_map(|new| new.supersedes.iter().map(move |old| (old, &new.address)))
        .collect();
    let mut later = 0;
    let mut addresses: Vec<&Address> = world
        .observed
        .keys()
        .copied()
        .chain(world.input.record.resources.keys())
        .filter(|address| world.graph.get(address).is_none())
        .collect();
    addresses.sort();
    addresses.dedup();
    for address in addresses {
        if !selection.is_targeted(address) {
            continue;
        }
        let maker = world.observed.get(address).map(|found| &found.made_by);
        let stays = match maker {
            None | Some(ManagedBy::Infra) => false,
            Some(ManagedBy::Kubernetes { .. }) => !options.destroy,
            // It goes with its group, unless another one takes its place.
            Some(ManagedBy::Group { .. }) => options.destroy || !superseded.contains_key(address),
        };
        if stays {
            continue;
        }
        if world.kind(address).is_none() {
            notes.push(format!("{address} is of a kind that is not known here; left alone"));
            continue;
        }
        let successor = superseded.get(address).copied();
        if !options.destroy && world.existing(address).is_some() {
            let waits =
                successor.is_some_and(|new| selection.is_later(new) || !selection.is_targeted(new));
            if waits || world.phase_of_undeclared(address) > options.phase {
                later += 1;
                continue;
            }
            if options.refresh_only {
                notes.push(format!("{address} is not declared: an apply would delete it"));
                continue;
            }
        }
        let reason = match successor {
            _ if options.destroy => "destroy".to_owned(),
            Some(new) if maker.is_some_and(|one| is_of(one, new)) => format!("{new} gets smaller"),
            Some(new) => format!("{new} takes its place"),
            None => "no longer declared".to_owned(),
        };
        changes.extend(delete(world, address, &reason));
    }
    for extra in &world.extra {
        if !selection.is_targeted(&extra.address) {
            continue;
        }
        changes.push(delete_extra(world, extra));
    }
    if later > 0 {
        let what = if later == 1 { "resource that is" } else { "resources that are" };
        notes.push(format!("{later} {what} no longer declared left to a later phase"));
    }
}

/// Returns true for the maker of a machine that belongs to `group`.
fn is_of(maker: &ManagedBy, group: &Address) -> bool {
    matches!(maker, ManagedBy::Group { group: own } if own == group)
}

/// Deletes what exists at `address`, or forgets what is only recorded.
pub(super) fn delete(world: &PlanIndex<'_>, address: &Address, reason: &str) -> Option<Change> {
    if world.assumed.contains_key(address) {
        return forget(world, address, "out of reach; it goes with its machines");
    }
    let Some(observed) = world.observed.get(address).copied() else {
        return forget(world, address, &why_forgotten(world, address));
    };
    if let Some(whole) = whole_of(world, address) {
        return forget(world, address, &format!("goes with {whole}"));
    }
    let mut change = Change::new(address.clone(), Action::Delete);
    change.reason = Some(reason.to_owned());
    fill(world, &mut change, observed);
    Some(change)
}

/// Returns what `address` is a part of, if all is deleted and that goes as a whole.
fn whole_of(world: &PlanIndex<'_>, address: &Address) -> Option<Address> {
    let options = world.input.options;
    if !options.destroy || !options.targets.is_empty() {
        return None;
    }
    let kind = world.kind(address)?.part_of()?;
    world.observed.keys().find(|one| one.kind() == kind).map(|one| (*one).clone())
}

/// Says why something that was not found is only forgotten.
fn why_forgotten(world: &PlanIndex<'_>, address: &Address) -> String {
    let place = world.place(address);
    match place {
        _ if !world.input.observed.unseen.contains(address.kind()) => format!("gone from {place}"),
        Place::Cluster => "goes with its machines".to_owned(),
        place => format!("goes with {place}"),
    }
}

/// Takes `address` out of the state, if it is there.
pub(super) fn forget(world: &PlanIndex<'_>, address: &Address, reason: &str) -> Option<Change> {
    world.recorded(address)?;
    let mut change = Change::new(address.clone(), Action::Forget);
    change.reason = Some(reason.to_owned());
    Some(change)
}

fn delete_extra(world: &PlanIndex<'_>, observed: &Observed) -> Change {
    let name = format!("{}#{}", observed.address.name(), observed.id);
    let mut change = Change::new(Address::new(observed.address.kind(), name), Action::Delete);
    change.reason = Some(format!("a second {}", observed.address));
    fill(world, &mut change, observed);
    change
}

fn fill(world: &PlanIndex<'_>, change: &mut Change, observed: &Observed) {
    if let ManagedBy::Kubernetes { object } = &observed.made_by {
        change.reason = Some(format!("made by Kubernetes for {object}"));
        change.after_machines = !world.input.options.machine_kinds.is_empty();
    }
    change.warning = world.kind(&observed.address).and_then(|kind| kind.delete_warning(observed));
    change.observed = Some(Box::new(observed.clone()));
}
