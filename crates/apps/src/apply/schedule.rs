//! Which step is next: the order, as it is worked off.

use std::collections::BTreeSet;

use crate::{Need, Order, order::Step};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Started,
    Skipped,
}

/// Works off an [`Order`].
pub(super) struct Schedule<'a> {
    order: &'a Order,
    after: Vec<Vec<(usize, Need)>>,
    missing: Vec<usize>,
    states: Vec<State>,
    ready: BTreeSet<usize>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(order: &'a Order) -> Self {
        let missing: Vec<usize> = order.before.iter().map(|before| before.len()).collect();
        Self {
            order,
            after: order.after(),
            ready: (0..missing.len()).filter(|&step| missing[step] == 0).collect(),
            states: vec![State::Open; missing.len()],
            missing,
        }
    }

    /// Returns the next object to be sent.
    pub(super) fn next(&mut self) -> Option<usize> {
        while let Some(step) = self.ready.pop_first() {
            self.states[step] = State::Started;
            match self.order.steps[step] {
                Step::Object(object) => return Some(object),
                Step::Gate(_) => {
                    self.reached(step, Need::Applied);
                    self.reached(step, Need::Ready);
                }
            }
        }
        None
    }

    /// Records that a step is as far as `need`. A step that waited for just that has one wait less.
    pub(super) fn reached(&mut self, step: usize, need: Need) {
        for &(later, wanted) in &self.after[step] {
            if wanted == need {
                self.missing[later] -= 1;
                if self.missing[later] == 0 && self.states[later] == State::Open {
                    self.ready.insert(later);
                }
            }
        }
    }

    /// Records that an object failed before it reached `need`. Returns the objects that can no
    /// longer be sent.
    pub(super) fn failed(&mut self, object: usize, need: Need) -> Vec<usize> {
        let mut skipped = Vec::new();
        let waits = |wanted: Need| wanted >= need;
        let mut open: Vec<usize> = self.after[object]
            .iter()
            .filter(|(_, wanted)| waits(*wanted))
            .map(|(step, _)| *step)
            .collect();
        while let Some(step) = open.pop() {
            if self.states[step] != State::Open {
                continue;
            }
            self.states[step] = State::Skipped;
            self.ready.remove(&step);
            if let Step::Object(object) = self.order.steps[step] {
                skipped.push(object);
            }
            open.extend(self.after[step].iter().map(|(later, _)| *later));
        }
        skipped.sort_unstable();
        skipped
    }

    /// Returns true if something waits until `object` is ready.
    pub(super) fn is_awaited(&self, object: usize) -> bool {
        self.after[object]
            .iter()
            .any(|(later, need)| *need == Need::Ready && self.states[*later] == State::Open)
    }
}
