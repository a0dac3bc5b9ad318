//! What need not be looked at, because the state and the file tell that there is nothing to see.
//!
//! A plan costs calls, and its budget is small however many machines there are. A look that is
//! omitted here can make no difference to a plan; with the state lost, or for a destroy, all is looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use infra_provider_api::{Address, Cluster, Kind, ManagedBy, Observed, RawJson, Readiness};
use serde_json::json;

use super::{error::CliError, observe::Purpose, open::Session};
use crate::{
    apps::addons::CERT_MANAGER,
    cluster::{KubeAccess, SiteCertificates, SiteScope, Suites, listed, needs_cert_manager},
    engine::Observations,
    state::State,
};

/// Iterates over what exists by the state, or was begun.
fn recorded(record: &State) -> impl Iterator<Item = &Address> {
    record.resources.keys().chain(record.intents.keys())
}

impl Session {
    /// Returns the cloud's kinds that a plan is about: those that are declared or recorded. Disks
    /// and load balancers that Kubernetes makes are neither; only a destroy deletes them.
    pub(super) fn cloud_kinds(&self, purpose: Purpose) -> Result<Vec<Arc<dyn Kind>>, CliError> {
        let mut kinds = self.cloud.provider.kinds();
        let record = self.store.state();
        if purpose.is_everything() || record.resources.is_empty() {
            return Ok(kinds);
        }
        let declared = self
            .cloud
            .provider
            .model(&self.project.cluster, &self.owner)
            .map_err(|problems| CliError::refused(&problems))?;
        let mut wanted: BTreeSet<&str> = recorded(&record).map(Address::kind).collect();
        wanted.extend(declared.iter().map(|one| one.address.kind()));
        kinds.retain(|kind| wanted.contains(kind.name()));
        Ok(kinds)
    }

    /// Returns the bundles of machines that have all been made. Each machine was made from its
    /// bundle and carries its revision, so the bucket has nothing to add. Returns `None` if some
    /// machine is still to come, or something else is left of one.
    pub(super) fn used_bundles(
        &self,
        cluster: &Cluster,
        in_cloud: &Observations,
    ) -> Option<Observations> {
        let record = self.store.state();
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
            let machine = in_cloud.get(&Address::new(self.cloud.plane.machine_kind(), name))?;
            let revision = machine.spec.get("revision")?;
            let address = Address::new("node_bundle", name);
            let bundle = Observed {
                address: address.clone(),
                id: name.clone(),
                spec: json!({"revision": revision}).into(),
                outputs: RawJson::default(),
                readiness: Readiness::Ready,
                intent_key: None,
                made_by: ManagedBy::Infra,
            };
            resources.insert(address, vec![bundle]);
        }
        Some(Observations { resources, ..Observations::default() })
    }

    /// Returns false if no certificate of a site was ever made and none shall be.
    pub(super) fn sites_matter(&self, purpose: Purpose) -> bool {
        let record = self.store.state();
        let kept = recorded(&record).any(|address| address.kind() == SiteCertificates::KIND);
        kept || purpose.is_everything() || self.project.tls.is_some() || record.resources.is_empty()
    }

    /// Returns the suites that would go, and that the certificates of other environments come from, with
    /// those certificates.
    ///
    /// # Errors
    /// Returns an error if the certificates cannot be read.
    pub(super) async fn needed_suites(
        &self,
        purpose: Purpose,
        kube: &KubeAccess,
        suites: &Suites,
        scope: &SiteScope,
        observed: &Observations,
    ) -> Result<BTreeMap<Address, String>, CliError> {
        let address = Suites::address(CERT_MANAGER);
        let goes = suites.is_retired(CERT_MANAGER) && observed.get(&address).is_some();
        if !goes || purpose.is_everything() {
            return Ok(BTreeMap::new());
        }
        let needs = needs_cert_manager(kube, &self.owner, scope).await?;
        Ok((!needs.is_empty()).then(|| (address, listed(&needs))).into_iter().collect())
    }

    /// Returns false if no turn was ever given and none shall be, so that turns cannot matter.
    pub(super) fn turns_matter(&self, purpose: Purpose) -> bool {
        let record = self.store.state();
        let kept = recorded(&record).any(|address| address.kind() == "turn");
        kept || purpose != Purpose::Infra || record.resources.is_empty()
    }
}
