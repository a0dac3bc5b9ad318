//! Making a plan.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use infra_provider_api::{Address, ManagedBy, RawJson};

use super::{
    Action, Change, PLAN_VERSION, Plan, PlanError, PlanInput,
    file::fingerprint,
    index::{Ids, PlanIndex},
    ordering, orphans,
    planner::Planner,
    steps::{Step, Steps},
    targeting::Selection,
};

/// Makes the plan. Pure: the same input gives the same plan.
///
/// ```
/// use infra_engine::{Action, Kinds, Observations, PlanInput, PlanOptions, plan};
/// use infra_state::State;
/// # use infra_provider_api::{CloudError, Context, CreateRequest, ErrorKind, Kind, Observed, OnChange, UpdateRequest};
/// use infra_provider_api::{Address, Declared, Owner};
/// use serde_json::json;
/// # struct Named(&'static str);
/// # fn never() -> CloudError {
/// #     CloudError::new(ErrorKind::Local, "call", "planning makes no calls")
/// # }
/// # #[async_trait::async_trait]
/// # impl Kind for Named {
/// #     fn name(&self) -> &'static str { self.0 }
/// #     fn on_change(&self, _: &str) -> OnChange { OnChange::Update }
/// #     async fn list_owned(&self, _: &Context) -> Result<Vec<Observed>, CloudError> { Err(never()) }
/// #     async fn create(&self, _: &Context, all: &[CreateRequest]) -> Vec<Result<Observed, CloudError>> {
/// #         all.iter().map(|_| Err(never())).collect()
/// #     }
/// #     async fn update(&self, _: &Context, _: &UpdateRequest) -> Result<Observed, CloudError> { Err(never()) }
/// #     async fn delete(&self, _: &Context, _: &Observed) -> Result<bool, CloudError> { Err(never()) }
/// # }
///
/// let network = Address::new("vpc", "main");
/// let machine = Address::new("machine", "worker-1");
/// let declared = [
///     Declared::new(machine.clone(), &json!({"vpc": {"$ref": "vpc.main", "field": "id"}}))?,
///     Declared::new(network.clone(), &json!({"ip_range": "10.0.0.0/16"}))?,
/// ];
/// // `Named` is a kind that only has a name; planning calls no cloud.
/// let kinds: [std::sync::Arc<dyn Kind>; 2] =
///     [std::sync::Arc::new(Named("vpc")), std::sync::Arc::new(Named("machine"))];
/// let input = PlanInput {
///     owner: &Owner { cluster: "shop".into(), uuid: uuid::Uuid::nil() },
///     environment: None,
///     provider: "do",
///     created_at: jiff::Timestamp::UNIX_EPOCH,
///     declared: &declared,
///     observed: &Observations::default(),
///     record: &State::default(),
///     kinds: &Kinds::new(kinds)?,
///     options: &PlanOptions::default(),
/// };
/// let made = plan(&input)?;
/// assert_eq!(made, plan(&input)?);
/// // What is referred to comes first.
/// let changes: Vec<_> = made.changes.iter().map(|c| (c.action, &c.address)).collect();
/// assert_eq!(changes, [(Action::Create, &network), (Action::Create, &machine)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns a [`PlanError`].
pub fn plan(input: &PlanInput<'_>) -> Result<Plan, PlanError> {
    let world = PlanIndex::new(input)?;
    let ids = Ids::of(&world);
    let selection = Selection::new(&world, &ids)?;
    let mut notes = Vec::new();

    let mut decider = Planner::new(&world, &selection);
    for declared in world.graph.topological() {
        decider.decide(declared);
    }
    decider.renew_single_use();
    let Planner { mut changes, notes: decided_notes, waiting, left_out, .. } = decider;
    notes.extend(decided_notes);
    orphans::add(&world, &selection, &mut changes, &mut notes);
    check_protected(&world, &changes)?;
    let steps = ordering::link(&world, &ids, &mut changes)?;
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
        waiting: waiting.len(),
        rotations: waiting,
        quorum: None,
    })
}

fn check_protected(world: &PlanIndex<'_>, changes: &[Change]) -> Result<(), PlanError> {
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
fn known_outputs(world: &PlanIndex<'_>, changes: &[Change]) -> BTreeMap<Address, RawJson> {
    let anew = |change: &&Change| change.action.destroys() || change.action.creates();
    let anew: HashSet<&Address> = changes.iter().filter(anew).map(|c| &c.address).collect();
    let declared = changes.iter().filter_map(|change| change.declared.as_ref());
    let needed: BTreeSet<Address> = declared.flat_map(|declared| declared.needs()).collect();
    let stays = needed.into_iter().filter(|address| !anew.contains(address));
    let known = stays.filter_map(|address| {
        let exists = world.existing(&address).filter(|found| found.made_by == ManagedBy::Infra)?;
        let recorded = world.recorded(&address);
        let recorded = recorded.map(|found| found.outputs.clone()).unwrap_or_default();
        Some((address, recorded.with(&exists.outputs)))
    });
    known.collect()
}

/// Sorts what is needed first to the front; in a destroy, what goes first. Deletions come last.
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

fn note_world(world: &PlanIndex<'_>, notes: &mut Vec<String>) {
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
