//! The steps of a plan and what each comes after. A replacement has two.

use std::collections::{HashMap, HashSet};

use infra_provider_api::Address;

use super::{Action, Change, PlanError};
use crate::{
    events::StepAction,
    graph::{find_cycle, tangled, topological},
};

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Does something to the resource of a change (an index into the plan's changes).
    Do {
        /// Which change.
        change: usize,
        /// What.
        action: StepAction,
    },
    /// Does nothing, and comes after the deletes of all machines, so that what comes after those
    /// has one edge instead of thousands.
    MachinesGone,
}

/// The steps of a plan and what each comes after.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    /// Every step.
    pub steps: Vec<Step>,
    /// For each step, those that must be done before.
    pub after: Vec<Vec<usize>>,
    /// An order of the steps that obeys `after`.
    pub order: Vec<usize>,
}

impl Steps {
    /// Makes the steps of `changes`. It is linear in changes and edges.
    ///
    /// # Errors
    /// Returns [`PlanError::Order`] if steps wait for each other.
    pub fn of(changes: &[Change], machine_kinds: &[String]) -> Result<Self, PlanError> {
        let Build { steps, after, .. } = Build::of(changes, machine_kinds);
        match topological(&after) {
            Some(order) => Ok(Self { steps, after, order }),
            None => Err(PlanError::Order { path: circle(changes, &steps, &after) }),
        }
    }

    /// Returns the addresses that are made in a step which waits for itself, by however many others.
    pub(super) fn tangled(changes: &[Change], machine_kinds: &[String]) -> HashSet<Address> {
        let Build { after, makes, .. } = Build::of(changes, machine_kinds);
        let tangled = tangled(&after);
        makes.into_iter().filter(|(_, step)| tangled[*step]).map(|(one, _)| one.clone()).collect()
    }
}

#[derive(Default)]
struct Build<'a> {
    steps: Vec<Step>,
    after: Vec<Vec<usize>>,
    /// The step that makes an address ready.
    makes: HashMap<&'a Address, usize>,
    /// The step that deletes what is at an address.
    deletes: HashMap<&'a Address, usize>,
}

impl<'a> Build<'a> {
    fn of(changes: &'a [Change], machine_kinds: &[String]) -> Self {
        let mut build = Self::default();
        for (index, change) in changes.iter().enumerate() {
            build.add(index, change);
        }
        build.link(changes, machine_kinds);
        build
    }

    fn push(&mut self, step: Step, after: Vec<usize>) -> usize {
        self.steps.push(step);
        self.after.push(after);
        self.steps.len() - 1
    }

    fn add(&mut self, index: usize, change: &'a Change) {
        let step = |action| Step::Do { change: index, action };
        let makes = match change.action {
            Action::Create | Action::Replace => StepAction::Create,
            Action::Update => StepAction::Update,
            Action::Resume => StepAction::Resume,
            Action::Delete => {
                let delete = self.push(step(StepAction::Delete), Vec::new());
                self.deletes.insert(&change.address, delete);
                return;
            }
            Action::NoOp | Action::Adopt | Action::Forget => return,
        };
        let mut before = Vec::new();
        if change.action == Action::Replace {
            let delete = self.push(step(StepAction::Delete), Vec::new());
            self.deletes.insert(&change.address, delete);
            before.push(delete);
        }
        let make = self.push(step(makes), before);
        self.makes.insert(&change.address, make);
    }

    fn link(&mut self, changes: &[Change], machine_kinds: &[String]) {
        let gate = changes.iter().any(|change| change.after_machines).then(|| {
            let machines = changes
                .iter()
                .filter(|change| machine_kinds.iter().any(|kind| kind == change.address.kind()))
                .filter_map(|change| self.deletes.get(&change.address).copied())
                .collect();
            self.push(Step::MachinesGone, machines)
        });
        for change in changes {
            if let Some(&make) = self.makes.get(&change.address) {
                self.after[make]
                    .extend(change.needs.iter().filter_map(|need| self.makes.get(need)));
                let gone = change.created_after.iter().filter_map(|old| self.deletes.get(old));
                self.after[make].extend(gone);
            }
            if let Some(&delete) = self.deletes.get(&change.address) {
                let deleted =
                    change.deleted_after.iter().filter_map(|other| self.deletes.get(other));
                let ready = change.replaced_by.iter().filter_map(|other| self.makes.get(other));
                let gate = gate.as_ref().filter(|_| change.after_machines);
                self.after[delete].extend(deleted.chain(ready).chain(gate));
            }
        }
    }
}

fn circle(changes: &[Change], steps: &[Step], after: &[Vec<usize>]) -> Vec<String> {
    let mut path: Vec<String> = find_cycle(after)
        .unwrap_or_default()
        .into_iter()
        .map(|index| match steps[index] {
            Step::Do { change, action } => {
                format!("{} {}", action.doing(), changes[change].address)
            }
            Step::MachinesGone => "deleting all machines".to_owned(),
        })
        .collect();
    path.extend(path.first().cloned());
    path
}
