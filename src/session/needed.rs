//! What need not be looked at, because the record and the file tell that there is nothing to see.
//!
//! A plan costs calls, and its budget is small however many machines there are. What is left out
//! here can make no difference to a plan; with the record lost, or for a destroy, all is looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use infra_provider_api::{Address, Cluster, Kind, MadeBy, Observed, Packed, Readiness};
use serde_json::json;

use super::{error::Failure, look::Purpose, open::Session};
use crate::engine::{Observations, Record};

/// What exists by the record, or was begun.
fn recorded(record: &Record) -> impl Iterator<Item = &Address> {
    record.resources.keys().chain(record.intents.keys())
}

impl Session {
    /// The cloud's kinds that a plan is about: those that are declared or recorded. What Kubernetes
    /// makes (disks, load balancers) is neither; only a destroy deletes it.
    pub(super) fn cloud_kinds(&self, purpose: Purpose) -> Result<Vec<Arc<dyn Kind>>, Failure> {
        let mut kinds = self.cloud.provider.kinds();
        let record = self.store.record();
        if purpose.is_everything() || record.resources.is_empty() {
            return Ok(kinds);
        }
        let declared = self
            .cloud
            .provider
            .model(&self.project.cluster, &self.owner)
            .map_err(|problems| Failure::problems(&problems))?;
        let mut wanted: BTreeSet<&str> = recorded(&record).map(Address::kind).collect();
        wanted.extend(declared.iter().map(|one| one.address.kind()));
        kinds.retain(|kind| wanted.contains(kind.name()));
        Ok(kinds)
    }

    /// The bundles of machines that have all been made: each was made from its bundle and carries
    /// its revision, so the bucket has nothing to add. `None` when some machine is still to come, or
    /// something else is left of one.
    pub(super) fn used_bundles(
        &self,
        cluster: &Cluster,
        in_cloud: &Observations,
    ) -> Option<Observations> {
        let record = self.store.record();
        let names: BTreeSet<String> =
            cluster.nodes().into_iter().map(|(_, node)| node.name()).collect();
        let kept: BTreeSet<&str> = recorded(&record)
            .filter(|address| address.kind() == "node_bundle")
            .map(Address::name)
            .collect();
        if !record.intents.is_empty() || !kept.iter().copied().eq(names.iter().map(String::as_str))
        {
            return None;
        }
        let mut resources = BTreeMap::new();
        for name in &names {
            let machine = in_cloud.get(&Address::new(self.cloud.machine_kind, name))?;
            let revision = machine.spec.get("revision")?;
            let address = Address::new("node_bundle", name);
            let bundle = Observed {
                address: address.clone(),
                id: name.clone(),
                spec: json!({"revision": revision}).into(),
                outputs: Packed::default(),
                readiness: Readiness::Ready,
                intent_key: None,
                made_by: MadeBy::Infra,
            };
            resources.insert(address, vec![bundle]);
        }
        Some(Observations { resources, ..Observations::default() })
    }

    /// Whether turns can matter: not while none was ever given and none shall be.
    pub(super) fn turns_matter(&self, purpose: Purpose) -> bool {
        let record = self.store.record();
        let kept = recorded(&record).any(|address| address.kind() == "turn");
        kept || purpose != Purpose::Infra || record.resources.is_empty()
    }
}
