//! The machines of pools, where the cloud makes them.

use std::sync::Arc;

use infra_provider_api::{Address, Kind, Observed};

use super::{error::CliError, open::Session};
use crate::{rotate::Generations, state::journal::Entry};

impl Session {
    fn machine_kind(&self) -> Option<Arc<dyn Kind>> {
        let plane = self.cloud.plane.managed()?;
        let mut kinds = self.cloud.provider.kinds().into_iter();
        kinds.find(|kind| kind.name() == plane.machine_kind)
    }

    /// Reads the machine `name` of a pool; `None` if there is no such machine.
    ///
    /// # Errors
    /// Returns an error if the cloud does not answer.
    pub async fn machine(&self, name: &str) -> Result<Option<Observed>, CliError> {
        let Some(kind) = self.machine_kind() else { return Ok(None) };
        let all = kind.list_owned(&self.cx).await?;
        Ok(all.into_iter().find(|one| one.address.name() == name))
    }

    /// Ends the replacements whose old machine is gone, and takes the new one out of the state: it belongs to
    /// its pool like any other. The lock must be held.
    ///
    /// # Errors
    /// Returns an error if the cloud does not answer, or if the state cannot be written.
    pub async fn end_replacements(&self) -> Result<(), CliError> {
        let mut generations = Generations::read(&self.layout.state)?;
        let Some(kind) = self.machine_kind().filter(|_| !generations.machines().is_empty()) else {
            return Ok(());
        };
        let all = kind.list_owned(&self.cx).await?;
        let exists = |name: &str| all.iter().any(|one| one.address.name() == name);
        let under_way = generations.machines().clone();
        for old in under_way.iter().filter(|old| !exists(old)) {
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
        generations.write(&self.layout.state)?;
        self.keep().await
    }
}
