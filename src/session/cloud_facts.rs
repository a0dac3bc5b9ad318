//! What the cloud and the state tell of a cluster before anything is looked at inside it.

use std::collections::{BTreeMap, BTreeSet};

use infra_provider_api::{Address, Cluster, NodeSlot, RawJson, Role, is_bucket_name};
use serde_json::Value;

use super::{error::CliError, open::Session};
use crate::{
    apps::TlsSecret,
    cluster::{KubeAccess, SiteCertificateSpec, SiteCertificates, report_of},
    engine::{Observations, PlanOptions},
    state::State,
};

impl Session {
    /// Fills in what infra.toml leaves to the cloud: as it was chosen before, as long as that exists, is
    /// recorded, or was chosen for the saved plan that is applied.
    pub(super) async fn choose(
        &self,
        cluster: &mut Cluster,
        in_cloud: &Observations,
        options: &PlanOptions,
    ) -> Result<(), CliError> {
        let record = self.store.state();
        let recorded = record.resources.values();
        let recorded = recorded.filter(|one| in_cloud.get(&one.address).is_none());
        // The file may have been edited.
        let planned = options.bucket.as_ref().filter(|name| is_bucket_name(&self.owner, name));
        let planned = planned.zip(self.cloud.plane.own()).map(|(name, plane)| {
            (plane.bucket.clone(), RawJson::from(serde_json::json!({ "name": name })))
        });
        let existing: Vec<_> = in_cloud
            .iter()
            .map(|one| (one.address.clone(), one.spec.clone()))
            .chain(recorded.map(|one| (one.address.clone(), one.spec.clone())))
            .chain(planned)
            .collect();
        self.cloud.provider.choose(&self.cx, cluster, &existing).await?;
        Ok(())
    }

    /// Finds the bucket's name: that of the one that exists, else that of the model.
    pub(super) fn bucket_name(
        &self,
        bucket: &Address,
        cluster: &Cluster,
        in_cloud: &Observations,
    ) -> Result<String, CliError> {
        if let Some(bucket) = in_cloud.get(bucket)
            && let Some(name) = bucket.outputs.text("name")
        {
            return Ok(name);
        }
        let declared = self
            .cloud
            .provider
            .model(cluster, &self.owner)
            .map_err(|problems| CliError::refused(&problems))?;
        declared
            .iter()
            .find(|one| one.address == *bucket)
            .and_then(|one| one.spec.text("name"))
            .ok_or_else(|| CliError::local("the cloud's model has no bucket"))
    }

    /// Returns the turns that are in the state.
    pub(super) fn turns(&self) -> BTreeSet<Address> {
        let record = self.store.state();
        record.resources.keys().filter(|one| one.kind() == "turn").cloned().collect()
    }

    /// Returns true if some control plane has made the cluster: the state says so, or the API
    /// server itself. Then no machine may make it again.
    pub(super) async fn is_initialised(&self, kube: &KubeAccess) -> bool {
        let recorded = self
            .store
            .state()
            .resources
            .values()
            .any(|resource| resource.address.kind() == "api_server" && resource.ready);
        if recorded {
            return true;
        }
        if !kube.exists() {
            return false;
        }
        kube.probe(&self.stop).await.is_ok() || kube.is_there(&self.stop).await
    }
}

/// Returns the machines of control planes that exist: those in a place that infra.toml names, and those
/// that were made to be one. Without any there is nothing to join: the cluster is made again.
pub(super) fn control_planes(
    cluster: &Cluster,
    in_cloud: &Observations,
    machine_kind: &str,
) -> BTreeSet<String> {
    let nodes = cluster.nodes();
    let is_declared = |name: &str| {
        let slot = NodeSlot::parse_name(name).0;
        nodes.iter().any(|(pool, node)| pool.role == Role::ControlPlane && node.slot == slot)
    };
    let machines = in_cloud.iter().filter(|one| one.address.kind() == machine_kind);
    machines
        .filter(|one| {
            is_declared(one.address.name())
                || one.outputs.text("role").as_deref() == Some(Role::ControlPlane.as_str())
        })
        .map(|one| one.address.name().to_owned())
        .collect()
}

/// Returns the objects to which the existing machines report, by name.
pub(super) fn reports(in_cloud: &Observations, machine_kind: &str) -> BTreeMap<String, String> {
    let machines = in_cloud.iter().filter(|machine| machine.address.kind() == machine_kind);
    machines
        .filter_map(|one| {
            let name = one.address.name();
            let report = report_of(name, &one.outputs, one.intent_key.as_deref())?;
            Some((name.to_owned(), report))
        })
        .collect()
}

/// Returns true if each control plane that exists is to be replaced or is no longer declared, and its name
/// was typed as one whose data may be lost.
pub(super) fn is_given_up(
    cluster: &Cluster,
    control_planes: &BTreeSet<String>,
    machine_kind: &str,
    options: &PlanOptions,
) -> bool {
    let declared: BTreeSet<String> =
        cluster.nodes().into_iter().map(|(_, node)| node.name()).collect();
    control_planes.iter().all(|name| {
        let goes =
            options.replace.contains(&Address::new(machine_kind, name)) || !declared.contains(name);
        goes && options.may_lose.contains(name)
    })
}

pub(super) fn machine_ids(in_cloud: &Observations, machine_kind: &str) -> BTreeMap<String, Value> {
    let machines = in_cloud.iter().filter(|machine| machine.address.kind() == machine_kind);
    machines
        .filter_map(|one| Some((one.address.name().to_owned(), one.outputs.get("id")?)))
        .collect()
}

/// Returns the certificates of sites of an environment, as they are recorded.
pub(super) fn recorded_sites(
    record: &State,
    environment: Option<&str>,
) -> BTreeMap<TlsSecret, SiteCertificateSpec> {
    let all = record.resources.values().filter(|one| one.address.kind() == SiteCertificates::KIND);
    let specs = all.filter_map(|one| {
        let secret = SiteCertificates::secret(&one.address)?;
        Some((secret, serde_json::from_value::<SiteCertificateSpec>(one.spec.value()).ok()?))
    });
    specs.filter(|(_, spec)| spec.environment.as_deref() == environment).collect()
}
