//! What is done to each declared resource.

use std::collections::{HashMap, HashSet};

use infra_provider_api::{Address, Declared, OWNERSHIP, Observed, OnChange, Readiness, Reference};
use serde_json::Value;

use super::{Action, Change, bound, index::PlanIndex, orphans, targeting::Selection};
use crate::diff::{After, Compare, FieldChange, Lookup, compare, created, resolve_known};
use infra_state::ResourceState;

pub(super) struct Planner<'w, 'a> {
    pub(super) world: &'w PlanIndex<'a>,
    selection: &'w Selection,
    /// What references see of each address decided so far, unless it stays just as it is.
    fates: HashMap<&'w Address, PlannedOutputs>,
    /// What can't be seen and is taken to be gone.
    gone_unseen: HashSet<Address>,
    pub changes: Vec<Change>,
    pub notes: Vec<String>,
    /// How many resources differ in fields that wait for a rotation.
    pub waiting: Vec<Address>,
    pub left_out: LeftOut,
}

/// What becomes of an address, for those that refer to it.
enum PlannedOutputs {
    /// Its outputs stay, but for these fields of its spec, which change.
    Stays(HashMap<String, Option<Value>>),
    /// It is recreated.
    Anew,
    /// It is left out of the plan.
    LeftOut,
}

#[derive(Default)]
pub(super) struct LeftOut {
    later: usize,
    untargeted: usize,
}

impl LeftOut {
    pub(super) fn note(&self, notes: &mut Vec<String>) {
        let are = |count: usize| if count == 1 { "resource is" } else { "resources are" };
        if self.later > 0 {
            notes.push(format!("{} {} left to a later phase", self.later, are(self.later)));
        }
        if self.untargeted > 0 {
            let count = self.untargeted;
            notes.push(format!("{count} {} outside the targets and left out", are(count)));
        }
    }
}

impl<'w, 'a> Planner<'w, 'a> {
    pub(super) fn new(world: &'w PlanIndex<'a>, selection: &'w Selection) -> Self {
        Self {
            world,
            selection,
            fates: HashMap::new(),
            gone_unseen: HashSet::new(),
            changes: Vec::with_capacity(world.graph.len()),
            notes: Vec::new(),
            waiting: Vec::new(),
            left_out: LeftOut::default(),
        }
    }

    pub(super) fn decide(&mut self, declared: &'w Declared) {
        let address = &declared.address;
        if self.selection.is_later(address) {
            self.left_out.later += 1;
            return self.leave_out(declared);
        }
        if !self.selection.is_targeted(address) {
            self.left_out.untargeted += 1;
            return self.leave_out(declared);
        }
        let options = self.world.input.options;
        let change = if options.destroy {
            self.destroy(address)
        } else if options.refresh_only {
            self.refresh(declared)
        } else {
            match self.world.existing(address) {
                Some(observed) => Some(self.exists(declared, observed)),
                None => Some(self.create(declared, self.why_create(address))),
            }
        };
        let Some(change) = change else { return };
        if let Some(fate) = self.fate(declared, &change) {
            self.fates.insert(address, fate);
        }
        self.changes.push(change);
    }

    /// Leaves it to another run. A resource that belongs to something that is created again is
    /// deleted with the old one, because the new one would take it over. One that nobody can reach any more
    /// is forgotten.
    fn leave_out(&mut self, declared: &'w Declared) {
        let address = &declared.address;
        let options = self.world.input.options;
        let acts = !options.destroy && !options.refresh_only;
        if acts && self.world.assumed.contains_key(address) && self.is_gone_unseen(declared) {
            self.gone_unseen.insert(address.clone());
            self.fates.insert(address, PlannedOutputs::Anew);
            let reason = "out of sight, and what it needs is recreated";
            self.changes.extend(orphans::forget(self.world, address, reason));
            return;
        }
        let owner = match self.world.existing(address) {
            Some(_) if acts => self.remade_owner(declared),
            _ => None,
        };
        let Some((owner, observed)) = owner.zip(self.world.existing(address)) else {
            self.fates.insert(address, PlannedOutputs::LeftOut);
            return;
        };
        let mut change = Change::new(address.clone(), Action::Delete);
        change.reason = Some(format!("{owner} is created again"));
        change.warning = self.world.kind(address).and_then(|kind| kind.delete_warning(observed));
        change.observed = Some(Box::new(observed.clone()));
        self.changes.push(change);
        self.fates.insert(address, PlannedOutputs::Anew);
    }

    fn remade_owner(&self, declared: &Declared) -> Option<&'w Address> {
        let is_anew = |need: &Address| matches!(self.fates.get(need), Some(PlannedOutputs::Anew));
        bound::remade_owner(self.world, declared, is_anew)
    }

    fn fate(&self, declared: &Declared, change: &Change) -> Option<PlannedOutputs> {
        match change.action {
            Action::Create | Action::Replace => Some(PlannedOutputs::Anew),
            Action::Update => {
                let lookup = |reference: &Reference| self.lookup(reference);
                let mut spec = declared.spec.fields();
                let fields = change.fields.iter().map(|change| {
                    let field = change.field().to_owned();
                    let after = spec.remove(&field).unwrap_or_default();
                    let (value, known) = resolve_known(&after, &lookup);
                    (field, known.then_some(value))
                });
                // An output that is not there now may be there after the update.
                let missing =
                    self.world.existing(&change.address).into_iter().flat_map(|observed| {
                        let outputs = observed.outputs.fields().into_iter();
                        let nulls = outputs.filter(|(_, value)| value.is_null());
                        nulls.map(|(name, _)| (name, None))
                    });
                Some(PlannedOutputs::Stays(fields.chain(missing).collect()))
            }
            _ => None,
        }
    }

    pub(super) fn lookup(&self, reference: &Reference) -> Lookup {
        let address = &reference.address;
        let exists = self.world.existing(address);
        match self.fates.get(address) {
            Some(PlannedOutputs::Anew) => return Lookup::Later,
            Some(PlannedOutputs::LeftOut) if exists.is_none() => return Lookup::Later,
            // An output that is called like a field of the spec is that field.
            Some(PlannedOutputs::Stays(fields)) => match fields.get(&reference.field) {
                Some(Some(value)) => return Lookup::Known(value.clone()),
                Some(None) => return Lookup::Later,
                None => {}
            },
            Some(PlannedOutputs::LeftOut) | None => {}
        }
        exists
            .and_then(|observed| observed.outputs.get(&reference.field))
            .filter(|value| !value.is_null())
            .or_else(|| self.world.recorded(address)?.outputs.get(&reference.field))
            .map_or(Lookup::Missing, Lookup::Known)
    }

    fn why_create(&self, address: &Address) -> Option<String> {
        let recorded = self.world.recorded(address)?;
        Some(match self.world.input.observed.foreign.get(address) {
            Some(owner) => format!("{} carries the ownership tag of {owner} now", recorded.id),
            None => format!("gone from {} (drift)", self.world.place(address)),
        })
    }

    fn on_change(&self, address: &Address) -> impl Fn(&str) -> OnChange + 'a {
        let kind = self.world.kind(address);
        move |field| kind.map_or(OnChange::Update, |kind| kind.on_change(field))
    }

    fn create(&self, declared: &Declared, reason: Option<String>) -> Change {
        let lookup = |reference: &Reference| self.lookup(reference);
        let on_change = self.on_change(&declared.address);
        let mut change = Change::new(declared.address.clone(), Action::Create);
        change.reason = reason;
        change.fields = created(&declared.spec.value(), &lookup, &on_change);
        change.generation = Some(self.world.input.record.next_generation(&declared.address));
        change.declared = Some(Box::new(declared.clone()));
        change
    }

    fn exists(&mut self, declared: &Declared, observed: &Observed) -> Change {
        let address = &declared.address;
        let recorded = self.world.recorded(address);
        if self.world.assumed.contains_key(address) && self.is_gone_unseen(declared) {
            self.gone_unseen.insert(address.clone());
            let reason = "out of sight, and what it needs is recreated".to_owned();
            return self.create(declared, Some(reason));
        }
        let lookup = |reference: &Reference| self.lookup(reference);
        let on_change = self.on_change(address);
        let spec = declared.spec.value();
        let fields = compare(&Compare {
            declared: &spec,
            observed: &observed.spec.value(),
            recorded: recorded.map(|recorded| recorded.spec.value()).as_ref(),
            lookup: &lookup,
            on_change: &on_change,
        });
        let (waiting, mut fields): (Vec<_>, Vec<_>) =
            fields.into_iter().partition(|field| field.effect == OnChange::Rotate);
        fields.extend(self.ownership(address));
        let asked = self.world.input.options.replace.contains(address);
        let asked = asked.then(|| "asked for by --replace".to_owned());
        let why = declared.outlived.clone().or(asked);
        if why.is_some() || fields.iter().any(FieldChange::forces_replace) {
            fields.extend(waiting);
            return self.replace(declared, observed, fields, why);
        }
        let (spec, _) = resolve_known(&spec, &lookup);
        let record = self.record(declared, observed, spec, &waiting);
        self.note_waiting(declared, &waiting);
        let mut change = Change::new(address.clone(), Action::NoOp);
        if !fields.is_empty() {
            change.action = Action::Update;
            if recorded.is_none() {
                change.reason = Some("found in the cloud, not recorded".to_owned());
            }
            change.fields = fields;
            // What waits for a rotation is not applied by the update either.
            change.record = Some(Box::new(record));
        } else if observed.readiness != Readiness::Ready {
            change.action = Action::Resume;
            change.recovers =
                self.was_ready(observed) && matches!(observed.readiness, Readiness::Pending { .. });
            self.explain_resume(&mut change, observed);
            change.record =
                recorded.is_none_or(|recorded| *recorded != record).then(|| Box::new(record));
        } else {
            adopt(&mut change, recorded, record);
        }
        if change.action != Action::NoOp {
            change.observed = Some(Box::new(observed.clone()));
            change.declared = Some(Box::new(declared.clone()));
        }
        change
    }

    /// Restores the ownership tag where somebody took it away. Without it a lost state loses the
    /// resource.
    fn ownership(&self, address: &Address) -> Option<FieldChange> {
        let is_missing = self.world.input.observed.untagged.contains(address);
        is_missing.then(|| FieldChange {
            path: OWNERSHIP.to_owned(),
            before: None,
            after: After::Known(self.world.input.owner.tag().into()),
            effect: OnChange::Update,
        })
    }

    fn explain_resume(&self, change: &mut Change, observed: &Observed) {
        match &observed.readiness {
            Readiness::Failed { reason, help } => {
                change.reason = Some(format!("failed: {reason}"));
                change.warning = Some(help.clone().unwrap_or_else(|| {
                    let address = &change.address;
                    format!(
                        "{address} will not get ready by waiting; --replace {address} recreates it"
                    )
                }));
            }
            Readiness::Pending { reason } => {
                let was =
                    if change.recovers { "was ready, is not now" } else { "created, not ready" };
                change.reason = Some(format!("{was}: {reason}"));
            }
            Readiness::Ready => {}
        }
    }

    /// Returns true if a resource was ready before, and its kind has many of its sort.
    fn was_ready(&self, observed: &Observed) -> bool {
        let kind = self.world.kind(&observed.address);
        kind.is_some_and(|kind| kind.waits().recover.is_some())
            && self
                .world
                .recorded(&observed.address)
                .is_some_and(|recorded| recorded.ready && recorded.id == observed.id)
    }

    /// Returns true if a resource that cannot be seen now must be gone, because what it needs is
    /// gone, or the machine that it is on is recreated. A Node outlives its machine: it is gone only if the
    /// cluster that it was in is. A load balancer or a file that is recreated says nothing about either.
    fn is_gone_unseen(&self, declared: &Declared) -> bool {
        let outlives = self.remade_owner(declared).is_some();
        let machines = &self.world.input.options.machine_kinds;
        self.world.graph.needs(&declared.address).any(|need| {
            if self.world.assumed.contains_key(need) {
                return self.gone_unseen.contains(need);
            }
            let is_machine = machines.iter().any(|kind| kind == need.kind());
            !outlives && is_machine && matches!(self.fates.get(need), Some(PlannedOutputs::Anew))
        })
    }

    fn replace(
        &self,
        declared: &Declared,
        observed: &Observed,
        fields: Vec<FieldChange>,
        why: Option<String>,
    ) -> Change {
        let mut change = Change::new(declared.address.clone(), Action::Replace);
        change.reason = why;
        change.fields = fields;
        change.generation = Some(self.world.input.record.next_generation(&declared.address));
        change.warning =
            self.world.kind(&declared.address).and_then(|kind| kind.delete_warning(observed));
        change.declared = Some(Box::new(declared.clone()));
        change.observed = Some(Box::new(observed.clone()));
        change
    }

    fn note_waiting(&mut self, declared: &Declared, waiting: &[FieldChange]) {
        if waiting.is_empty() {
            return;
        }
        self.waiting.push(declared.address.clone());
        let mut names: Vec<&str> = waiting.iter().map(FieldChange::field).collect();
        names.dedup();
        let then = match &declared.rotated_by {
            Some(command) => format!("taken up by `{command}`"),
            None => "taken up by the next rotation (infra rotate-node)".to_owned(),
        };
        self.notes.push(format!("{}: {} changed; {then}", declared.address, names.join(", ")));
    }

    /// Makes the state of a resource that exists. Fields that wait for a rotation keep the value
    /// that they had.
    pub(super) fn record(
        &self,
        declared: &Declared,
        observed: &Observed,
        mut spec: Value,
        waiting: &[FieldChange],
    ) -> ResourceState {
        let recorded = self.world.recorded(&declared.address);
        if let Some(fields) = spec.as_object_mut() {
            for field in waiting.iter().map(FieldChange::field) {
                let old = recorded.and_then(|recorded| recorded.spec.get(field));
                match old.or_else(|| observed.spec.get(field)) {
                    Some(old) => fields.insert(field.to_owned(), old),
                    None => fields.remove(field),
                };
            }
        }
        let generation = match recorded {
            Some(recorded) => recorded.generation,
            None => self.generation_of(observed),
        };
        let mut record = ResourceState::planned(declared, spec.into(), generation).seen(observed);
        if let Some(recorded) = recorded {
            record.outputs = recorded.outputs.with(&observed.outputs);
            // That it has come to life stays true while it is ill.
            record.ready |= self.was_ready(observed);
        }
        record
    }

    /// Returns the generation of an existing resource. If the state is lost, the key that the
    /// cloud kept tells which create it was.
    fn generation_of(&self, observed: &Observed) -> u64 {
        const LOOK_BACK: u64 = 64;
        let input = self.world.input;
        let known = input.record.generations.get(&observed.address).copied().unwrap_or(0).max(1);
        let Some(key) = &observed.intent_key else { return known };
        (1..=LOOK_BACK)
            .find(|generation| input.owner.intent_key(&observed.address, *generation) == *key)
            .unwrap_or(known)
    }

    fn destroy(&self, address: &Address) -> Option<Change> {
        super::orphans::delete(self.world, address, "destroy")
    }

    fn refresh(&mut self, declared: &Declared) -> Option<Change> {
        let address = &declared.address;
        let Some(observed) = self.world.existing(address) else {
            let reason = format!("gone from {} (drift)", self.world.place(address));
            return super::orphans::forget(self.world, address, &reason);
        };
        let change = self.exists(declared, observed);
        if matches!(change.action, Action::NoOp | Action::Adopt) {
            return Some(change);
        }
        self.notes.push(format!("{address} differs: an apply would {} it", change.action.as_str()));
        let recorded = self.world.recorded(address);
        let mut refreshed = Change::new(address.clone(), Action::NoOp);
        let spec = recorded.map_or(&observed.spec, |recorded| &recorded.spec).value();
        let record = self.record(declared, observed, spec, &[]);
        adopt(&mut refreshed, recorded, record);
        Some(refreshed)
    }
}

/// Makes a change a no-op, or an adoption where the state does not know the resource.
fn adopt(change: &mut Change, recorded: Option<&ResourceState>, record: ResourceState) {
    match recorded {
        None => {
            change.action = Action::Adopt;
            change.reason = Some(format!("found in the cloud as {}", record.id));
        }
        Some(recorded) if recorded.id != record.id => {
            change.action = Action::Adopt;
            change.reason = Some(format!("is {} now, was {}", record.id, recorded.id));
        }
        Some(recorded) if *recorded == record => return,
        Some(_) => {}
    }
    change.record = Some(Box::new(record));
}
