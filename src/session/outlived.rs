//! Machines that outlive their cluster: they joined one whose data is gone.

use std::collections::BTreeSet;

use infra_provider_api::{Address, Cluster, Role};

use super::{error::CliError, open::Session};
use crate::cluster::BootReports;

impl Session {
    /// Returns the machines that outlive their cluster, if it is gone.
    ///
    /// # Errors
    /// Returns an error if a machine's report cannot be read: unknown is not "has not joined".
    pub(super) async fn outlived(
        &self,
        cluster: &Cluster,
        machines: &BTreeSet<String>,
        boots: &BootReports,
        is_gone: bool,
    ) -> Result<BTreeSet<String>, CliError> {
        let nodes = || cluster.nodes().into_iter().map(|(pool, node)| (pool.role, node.name()));
        let exists = |name: &String| machines.contains(name);
        let mut found = BTreeSet::new();
        if !is_gone {
            return Ok(found);
        }
        let record = self.store.state();
        for (_, name) in nodes().filter(|(role, name)| *role == Role::Worker && exists(name)) {
            let node = Address::new("node", &name);
            let recorded = record.resources.get(&node).is_some_and(|one| one.ready);
            // One that has not joined yet joins the next cluster: its token is made from the same secret.
            if recorded || boots.has_joined(&name).await? {
                found.insert(name);
            }
        }
        Ok(found)
    }
}
