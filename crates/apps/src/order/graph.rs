//! The graph of what must come before what.

use std::collections::{BTreeMap, BTreeSet};

use super::{cycle, rules};
use crate::{AppsError, Object, ObjectId};

/// How far the earlier object must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// The API server has it.
    Applied,
    /// It is ready.
    Ready,
}

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// An object, by its place in the suite.
    Object(usize),
    /// Passes as soon as all before it have passed. Keeps "all of these before all of those" from
    /// needing an edge for each pair.
    Gate(String),
}

/// The order of a suite's objects.
#[derive(Clone, Debug, Default)]
pub struct Order {
    pub(crate) steps: Vec<Step>,
    /// For each step what it waits for.
    pub(crate) before: Vec<BTreeMap<usize, Need>>,
}

impl Order {
    /// Orders `objects`.
    ///
    /// # Errors
    /// Returns [`AppsError::Manifests`] if a depends-on names nothing, and [`AppsError::Cycle`] if
    /// objects wait for each other.
    pub fn of(objects: &[Object]) -> Result<Self, AppsError> {
        let mut order = Order {
            steps: (0..objects.len()).map(Step::Object).collect(),
            before: vec![BTreeMap::new(); objects.len()],
        };
        rules::add(&mut order, objects)?;
        match cycle::find(&order) {
            None => Ok(order),
            Some(steps) => Err(AppsError::Cycle(order.names(&steps, objects))),
        }
    }

    /// Adds a gate; gives its place.
    pub(super) fn gate(&mut self, name: impl Into<String>) -> usize {
        self.steps.push(Step::Gate(name.into()));
        self.before.push(BTreeMap::new());
        self.steps.len() - 1
    }

    /// Makes `later` wait until `earlier` is as far as `need`.
    pub(super) fn add(&mut self, earlier: usize, later: usize, need: Need) {
        if earlier != later {
            let known = self.before[later].entry(earlier).or_insert(need);
            *known = (*known).max(need);
        }
    }

    /// Returns the steps that wait for each step.
    pub(crate) fn after(&self) -> Vec<Vec<(usize, Need)>> {
        let mut after = vec![Vec::new(); self.steps.len()];
        for (later, before) in self.before.iter().enumerate() {
            for (&earlier, &need) in before {
                after[earlier].push((later, need));
            }
        }
        after
    }

    /// Returns the objects (places in the suite) in an order that keeps every rule; ties are broken
    /// by place.
    pub fn sequence(&self) -> Vec<usize> {
        let after = self.after();
        let mut missing: Vec<usize> = self.before.iter().map(BTreeMap::len).collect();
        let mut ready: BTreeSet<usize> = (0..missing.len()).filter(|&s| missing[s] == 0).collect();
        let mut sequence = Vec::new();
        while let Some(step) = ready.pop_first() {
            if let Step::Object(object) = self.steps[step] {
                sequence.push(object);
            }
            for &(later, _) in &after[step] {
                missing[later] -= 1;
                if missing[later] == 0 {
                    ready.insert(later);
                }
            }
        }
        sequence
    }

    /// Returns the objects (places in the suite) that must come before `object`, directly or by a
    /// gate.
    pub fn before(&self, object: usize) -> BTreeMap<usize, Need> {
        let mut found = BTreeMap::new();
        let mut open: Vec<(usize, Need)> =
            self.before[object].iter().map(|(&s, &n)| (s, n)).collect();
        while let Some((step, need)) = open.pop() {
            match self.steps[step] {
                Step::Object(earlier) => {
                    let known = found.entry(earlier).or_insert(need);
                    *known = (*known).max(need);
                }
                Step::Gate(_) => open.extend(self.before[step].iter().map(|(&s, &n)| (s, n))),
            }
        }
        found
    }

    fn names(&self, steps: &[usize], objects: &[Object]) -> Vec<String> {
        let name = |&step: &usize| match &self.steps[step] {
            Step::Object(object) => objects[*object].id.to_string(),
            Step::Gate(name) => format!("({name})"),
        };
        steps.iter().map(name).collect()
    }
}

/// Returns the places of objects, by id.
pub(super) fn places(objects: &[Object]) -> BTreeMap<&ObjectId, usize> {
    objects.iter().enumerate().map(|(place, object)| (&object.id, place)).collect()
}
