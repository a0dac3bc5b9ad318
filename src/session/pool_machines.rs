//! The machines of pools, where the cloud makes them.

use std::sync::Arc;

use infra_provider_api::{Address, Declared, Kind, NodeSlot, Observed};

use super::{error::CliError, open::Session};
use crate::{rotate::Generations, state::journal::Entry};

impl Session {
    fn machine_kind(&self) -> Option<Arc<dyn Kind>> {
        let plane = self.cloud.plane.managed()?;
        let mut kinds = self.cloud.provider.kinds().into_iter();
        kinds.find(|kind| kind.name() == plane.machine_kind)
    }

    /// Lists the machines of all pools.
    ///
    /// # Errors
    /// Returns an error if the cloud does not answer.
    pub async fn pool_machines(&self) -> Result<Vec<Observed>, CliError> {
        let Some(kind) = self.machine_kind() else { return Ok(Vec::new()) };
        Ok(kind.list_owned(&self.cx).await?)
    }

    /// Returns the machine that takes the place of `old`: the same one whenever it is asked with this `number`.
    pub fn replacement(&self, old: &Observed, number: u64) -> Option<Declared> {
        let key = self.owner.intent_key(&old.address, number);
        self.cloud.provider.replacement(old, &key)
    }

    /// Returns the machine that takes the place of `old`, and its number: one with a name that none of `all` has.
    /// A machine that has the name already would be taken for the new one, and the old one drained for nothing.
    pub fn new_replacement(&self, old: &Observed, all: &[Observed]) -> Option<(Declared, u64)> {
        unused(all, |number| self.replacement(old, number))
    }

    /// Ends the replacements whose old machine or pool is gone, and takes a new machine out of the state: it belongs
    /// to its pool like any other. The lock must be held.
    ///
    /// # Errors
    /// Returns an error if the cloud does not answer, or if the state cannot be written.
    pub async fn end_replacements(&self) -> Result<(), CliError> {
        let mut generations = self.rotations()?;
        let plane = &self.cloud.plane;
        let replaced = plane.managed().map_or(plane.machine_kind(), |managed| managed.pool_kind);
        self.end_superseded(replaced, &mut generations).await?;
        let Some(kind) = self.machine_kind().filter(|_| !generations.machines().is_empty()) else {
            return Ok(());
        };
        let all = kind.list_owned(&self.cx).await?;
        let exists = |name: &str| all.iter().any(|one| one.address.name() == name);
        let under_way = generations.machines().clone();
        for old in under_way.keys().filter(|old| !exists(old)) {
            generations.end_machine(old);
        }
        if generations.machines().is_empty() {
            let record = self.store.state();
            let of_pool = |address: &&Address| ["node", kind.name()].contains(&address.kind());
            let recorded = record.resources.keys().filter(of_pool).cloned();
            let forgotten: Vec<Entry> =
                recorded.map(|address| Entry::Forgotten { address }).collect();
            if !forgotten.is_empty() {
                self.store.append(forgotten).await?;
            }
        }
        self.keep_rotations(&generations).await
    }

    /// Ends the rotations of slots and pools of which only the newest is left, as a resource of `replaced`.
    async fn end_superseded(
        &self,
        replaced: &str,
        generations: &mut Generations,
    ) -> Result<(), CliError> {
        let under_way: Vec<String> = generations.rotating().map(str::to_owned).collect();
        let mut kinds = self.cloud.provider.kinds().into_iter();
        let Some(kind) = kinds.find(|kind| kind.name() == replaced) else { return Ok(()) };
        if under_way.is_empty() {
            return Ok(());
        }
        let all = kind.list_owned(&self.cx).await?;
        for name in under_way {
            let mut there = all.iter().map(|one| NodeSlot::parse_name(one.address.name()));
            let newest = generations.under_way(&name);
            if there.all(|(slot, generation)| slot != name || Some(generation) == newest) {
                generations.end(&name);
            }
        }
        self.keep_rotations(generations).await
    }
}

/// How many names are tried for a machine: each is one of tens of thousands.
const NAMES_MAX: u64 = 64;

/// Returns the first of the machines that `make` makes of numbers whose name none of `all` has, and its number.
fn unused(all: &[Observed], make: impl Fn(u64) -> Option<Declared>) -> Option<(Declared, u64)> {
    (2..2 + NAMES_MAX)
        .filter_map(|number| Some((make(number)?, number)))
        .find(|(new, _)| all.iter().all(|one| one.address != new.address))
}

#[cfg(test)]
mod tests {
    use infra_provider_api::{ManagedBy, RawJson, Readiness};
    use serde_json::json;

    use super::*;

    fn machine(name: &str) -> Observed {
        Observed {
            address: Address::new("instance", name),
            id: name.to_owned(),
            spec: RawJson::default(),
            outputs: RawJson::default(),
            readiness: Readiness::Ready,
            intent_key: None,
            made_by: ManagedBy::Infra,
        }
    }

    #[test]
    fn a_name_that_another_machine_has_is_passed_over() {
        let make = |number: u64| {
            Declared::new(Address::new("instance", format!("web-{number}")), &json!({})).ok()
        };
        let chosen = |all: &[Observed]| {
            unused(all, make).map(|(new, number)| (new.address.name().to_owned(), number))
        };
        assert_eq!(chosen(&[machine("web-x1y2")]), Some(("web-2".to_owned(), 2)));
        assert_eq!(chosen(&[machine("web-2"), machine("web-3")]), Some(("web-4".to_owned(), 4)));
        let every: Vec<Observed> =
            (2..2 + NAMES_MAX).map(|number| machine(&format!("web-{number}"))).collect();
        assert_eq!(chosen(&every), None);
    }
}
