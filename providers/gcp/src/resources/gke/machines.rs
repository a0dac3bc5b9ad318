//! Machines of groups: those that Compute lists, and those that a group is still to make.

use infra_provider_api::{Address, CloudError, Context, ErrorKind, Found, ManagedBy, Readiness};
use reqwest::Method;
use serde_json::json;

use super::{
    instance_spec::{InstanceSpec, Machine, ManagedMachine, readiness_of_machine},
    own::{Group, POOL_KIND},
    pool_growth::new_names,
};
use crate::resources::api::{Api, outputs};

/// The kind's name.
pub(super) const KIND: &str = "instance";

impl Api {
    /// Lists the machines of a group, those too that are still to be made. A group that is gone has none.
    pub(super) async fn managed_machines(
        &self,
        cx: &Context,
        operation: &str,
        zone: &str,
        group: &str,
    ) -> Result<Vec<ManagedMachine>, CloudError> {
        let path = ["zones", zone, "instanceGroupManagers", group, "listManagedInstances"];
        match self.client.list_posted(cx, operation, &self.client.compute(&path), &[]).await {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    /// Asks a group for so many machines more.
    pub(super) async fn create_instances(
        &self,
        cx: &Context,
        operation: &str,
        address: &Address,
        group: &Group,
        more: u32,
    ) -> Result<(), CloudError> {
        let there = self.managed_machines(cx, operation, group.zone(), &group.name).await?;
        let taken: Vec<&str> = there.iter().map(ManagedMachine::name).collect();
        let names = new_names(group, &taken, more);
        let instances: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        let path = ["zones", group.zone(), "instanceGroupManagers", &group.name, "createInstances"];
        let url = self.client.compute(&path);
        let body = json!({"instances": instances});
        self.client.change(cx, operation, address, Method::POST, &url, &body).await
    }
}

/// Describes a machine as the engine sees it.
pub(super) fn found(
    spec: InstanceSpec,
    name: &str,
    created: Option<&str>,
    readiness: Readiness,
) -> Found<InstanceSpec> {
    let mut outputs =
        outputs([("id", json!(name)), ("pool", json!(spec.pool)), ("zone", json!(spec.zone))]);
    if let Some(created) = created {
        outputs.insert("created".to_owned(), json!(created));
    }
    Found {
        address: Address::new(KIND, name),
        id: name.to_owned(),
        made_by: ManagedBy::Group { group: Address::new(POOL_KIND, &spec.pool) },
        spec,
        outputs: outputs.into(),
        readiness,
        intent_key: None,
    }
}

/// Puts together what Compute lists and what the group says of its machines.
pub(super) fn merged(
    spec: &InstanceSpec,
    machines: &[&Machine],
    managed: &[ManagedMachine],
) -> Vec<Found<InstanceSpec>> {
    let mut all = Vec::new();
    for machine in machines {
        let readiness = match managed.iter().find(|one| one.name() == machine.name) {
            Some(managed) => managed.readiness(),
            None => readiness_of_machine(&machine.status),
        };
        let created = machine.creation_timestamp.as_deref();
        all.push(found(spec.clone(), &machine.name, created, readiness));
    }
    let is_new = |one: &&ManagedMachine| !machines.iter().any(|known| known.name == one.name());
    all.extend(
        managed
            .iter()
            .filter(is_new)
            .map(|one| found(spec.clone(), one.name(), None, one.readiness())),
    );
    all
}
