//! Making a plan.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use infra_provider_api::{Address, MadeBy, Packed};

use super::{
    Action, Change, PLAN_VERSION, Plan, PlanError, PlanInput,
    decide::Decider,
    file::fingerprint,
    link,
    select::Selection,
    steps::{Step, Steps},
    undeclared,
    world::{Ids, World},
};

/// Makes the plan. Pure: the same input gives the same plan.
///
/// # Errors
/// See [`PlanError`].
pub fn plan(input: &PlanInput<'_>) -> Result<Plan, PlanError> {
    let world = World::new(input)?;
    let ids = Ids::of(&world);
    let selection = Selection::new(&world, &ids)?;
    let mut notes = Vec::new();

    let mut decider = Decider::new(&world, &selection);
    for declared in world.graph.topological() {
        decider.decide(declared);
    }
    decider.renew_single_use();
    let Decider { mut changes, notes: decided_notes, left_out, .. } = decider;
    notes.extend(decided_notes);
    undeclared::add(&world, &selection, &mut changes, &mut notes);
    check_protected(&world, &changes)?;
    link::link(&world, &ids, &mut changes, true);
    let steps = match Steps::of(&changes, &input.options.machine_kinds) {
        Ok(steps) => steps,
        // Edges that were only guessed from ids may run in a circle; those that are known don't.
        Err(_) => {
            link::link(&world, &ids, &mut changes, false);
            Steps::of(&changes, &input.options.machine_kinds)?
        }
    };
    let known = known_outputs(&world, &changes);
    sort(&mut changes, &steps, input.options.destroy);
    left_out.note(&mut notes);
    note_world(&world, &mut notes);
    Ok(Plan {
        version: PLAN_VERSION,
        owner: input.owner.clone(),
        environment: input.environment.map(str::to_owned),
        provider: input.provider.to_owned(),
        generation: input.record.serial,
        created_at: input.created_at,
        options: input.options.clone(),
        fingerprint: fingerprint(input.declared, input.observed, input.record),
        changes,
        notes,
        kept: Vec::new(),
        known,
        quorum: None,
    })
}

fn check_protected(world: &World<'_>, changes: &[Change]) -> Result<(), PlanError> {
    if world.input.options.destroy {
        return Ok(());
    }
    for change in changes.iter().filter(|change| change.action.destroys()) {
        let declared = world.graph.get(&change.address);
        let protected = match declared {
            Some(declared) => declared.protect,
            None => world.recorded(&change.address).is_some_and(|recorded| recorded.protect),
        };
        if protected {
            let forcing = change.fields.iter().filter(|field| field.forces_replace());
            let paths: Vec<&str> = forcing.map(|field| field.path.as_str()).collect();
            let reason = match &change.reason {
                Some(reason) => reason.clone(),
                None => format!("{} can't be changed in place", paths.join(", ")),
            };
            return Err(PlanError::Protected {
                address: change.address.clone(),
                action: change.action,
                reason,
                source_line: declared.and_then(|declared| declared.source.clone()),
            });
        }
    }
    Ok(())
}

/// Outputs of what exists and stays, as far as a change refers to it; also of what the plan leaves
/// out.
fn known_outputs(world: &World<'_>, changes: &[Change]) -> BTreeMap<Address, Packed> {
    let anew = |change: &&Change| change.action.destroys() || change.action.creates();
    let anew: HashSet<&Address> = changes.iter().filter(anew).map(|c| &c.address).collect();
    let declared = changes.iter().filter_map(|change| change.declared.as_ref());
    let needed: BTreeSet<Address> = declared.flat_map(|declared| declared.needs()).collect();
    let stays = needed.into_iter().filter(|address| !anew.contains(address));
    let known = stays.filter_map(|address| {
        let exists = world.existing(&address).filter(|found| found.made_by == MadeBy::Infra)?;
        let recorded = world.recorded(&address);
        let recorded = recorded.map(|found| found.outputs.clone()).unwrap_or_default();
        Some((address, recorded.with(&exists.outputs)))
    });
    known.collect()
}

/// What is needed first; in a destroy, what goes first. What is not declared any more comes last.
fn sort(changes: &mut [Change], steps: &Steps, destroy: bool) {
    let goes = |change: &Change| change.action == Action::Delete;
    let mut places: HashMap<Address, usize> = HashMap::new();
    for (place, &step) in steps.order.iter().enumerate() {
        if let Step::Do { change, .. } = steps.steps[step]
            && (destroy || goes(&changes[change]))
        {
            places.insert(changes[change].address.clone(), place);
        }
    }
    // Stable, and in place: there may be tens of thousands.
    changes.sort_by_cached_key(|change| {
        (goes(change), places.get(&change.address).copied().unwrap_or(0))
    });
}

fn note_world(world: &World<'_>, notes: &mut Vec<String>) {
    for (kind, error) in &world.input.observed.unreachable {
        let count = world.assumed.keys().filter(|address| address.kind() == kind).count();
        if count > 0 {
            notes.push(format!("kind {kind} can't be seen ({error}): {count} taken as recorded"));
        }
    }
    let open = world.input.record.intents.len();
    if open > 0 {
        let verb = if open == 1 { "call is" } else { "calls are" };
        notes.push(format!(
            "{open} {verb} open from a run that did not end; apply looks into them first"
        ));
    }
}
