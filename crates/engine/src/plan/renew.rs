//! What is used up by what needs it: a machine's boot bundle holds a token and addresses of the day
//! on which it was published, and one machine boots from it.

use std::collections::HashMap;

use infra_provider_api::{Address, Reference};

use super::{Action, planner::Planner};
use crate::diff::resolve_known;

impl Planner<'_, '_> {
    /// Plans an update of each single-use resource that exists and that something which is created
    /// needs. So all that the update itself needs (an address, a certificate) comes before.
    pub(super) fn renew_single_use(&mut self) {
        let mut users: HashMap<&Address, Address> = HashMap::new();
        for change in self.changes.iter().filter(|change| change.action.creates()) {
            for need in self.world.graph.needs(&change.address) {
                if self.world.kind(need).is_some_and(|kind| kind.is_single_use()) {
                    users.insert(need, change.address.clone());
                }
            }
        }
        if users.is_empty() {
            return;
        }
        for place in 0..self.changes.len() {
            let change = &self.changes[place];
            if !matches!(change.action, Action::NoOp | Action::Adopt) {
                continue;
            }
            let Some(user) = users.get(&change.address) else { continue };
            let (Some(declared), Some(observed)) =
                (self.world.graph.get(&change.address), self.world.existing(&change.address))
            else {
                continue;
            };
            let lookup = |reference: &Reference| self.lookup(reference);
            let (spec, _) = resolve_known(&declared.spec.value(), &lookup);
            let record = self.record(declared, observed, spec, &[]);
            let reason = format!("once more, for the new {user}");
            let (declared, observed) = (Box::new(declared.clone()), Box::new(observed.clone()));
            let change = &mut self.changes[place];
            change.action = Action::Update;
            change.reason = Some(reason);
            change.record = Some(Box::new(record));
            change.declared = Some(declared);
            change.observed = Some(observed);
        }
    }
}
