//! Which nodes are not in the cluster because their boot failed.

use std::sync::Arc;

use infra_provider_api::{Address, CloudError, Readiness};

use super::{cloud_facts::reports, observe::Observation, open::Session};
use crate::cluster::{BootFailure, BootReports};

impl Session {
    /// Reads which of the nodes that are not ready report that their boot failed.
    ///
    /// # Errors
    /// Returns an error if the reports cannot be read.
    pub async fn boot_failures(
        &self,
        looked: &Observation,
    ) -> Result<Vec<BootFailure>, CloudError> {
        let Some(own) = &looked.own else { return Ok(Vec::new()) };
        let observed = &looked.observed;
        let is_ready = |name: &String| {
            let node = observed.get(&Address::new("node", name));
            node.is_some_and(|node| node.readiness == Readiness::Ready)
        };
        let kind = self.cloud.plane.machine_kind();
        let machine = self.cloud.provider.kinds().into_iter().find(|one| one.name() == kind);
        let boots = BootReports::new(Arc::clone(&own.kits), reports(observed, kind), machine);
        let names = looked.cluster.nodes().into_iter().map(|(_, node)| node.name());
        boots.failures(names.filter(|name| !is_ready(name)).collect()).await
    }
}
