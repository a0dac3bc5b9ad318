//! `instance`: a machine of a pool. GKE makes and deletes the machines of its pools by itself. This tool asks
//! for one by its name where it takes another's place, and deletes those that it chose and drained: both by
//! the group of machines behind the pool, which keeps its size accordingly.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use infra_provider_api::{
    CloudError, Context, CreateRequest, ErrorKind, Found, KnownResource, Observed, OnChange,
    Presence, Readiness, Resource, UpdateRequest, Waits,
};
use reqwest::Method;
use serde_json::json;

use super::{
    instance_spec::{InstanceSpec, Machine, ManagedMachine},
    machines::{KIND, found, merged},
    own::is_group_of,
};
use crate::{
    container::Fresh,
    resources::api::{Api, create_each, nothing_to_update, operation},
};

pub(crate) struct Instances(pub(crate) Arc<Api>);

impl Instances {
    /// Lists the machines with the owner's label: GKE puts the labels of a pool on its machines.
    async fn machines(&self, cx: &Context, fresh: Fresh) -> Result<Vec<Machine>, CloudError> {
        let (operation, field) = ("list machines", "instances");
        let url = self.0.client.compute(&["aggregated", field]);
        let filter = format!("labels.{}={}", crate::ownership::OWNER, cx.owner.uuid);
        let query = [("filter", filter.as_str())];
        match fresh {
            Fresh::Shared => {
                self.0.client.aggregated_shared(cx, operation, &url, &query, field).await
            }
            Fresh::Now => self.0.client.aggregated(cx, operation, &url, &query, field).await,
        }
    }

    /// Lists the machines of the cluster's pools. A group is asked for its own only where the machines that
    /// are there are not those that it shall have.
    async fn list(
        &self,
        cx: &Context,
        fresh: Fresh,
    ) -> Result<Vec<Found<InstanceSpec>>, CloudError> {
        let clusters = self.0.own_clusters(cx, fresh).await?;
        let pools = self.0.own_pools(cx, &clusters);
        if pools.is_empty() {
            return Ok(Vec::new());
        }
        let (groups, machines) =
            futures::try_join!(self.0.groups(cx, fresh), self.machines(cx, fresh))?;
        let mut all = Vec::new();
        for own in &pools {
            for group in groups.iter().filter(|group| is_group_of(&own.pool, group)) {
                let spec = InstanceSpec {
                    pool: own.address.name().to_owned(),
                    zone: group.zone().to_owned(),
                    group: group.name.clone(),
                };
                let here: Vec<&Machine> =
                    machines.iter().filter(|machine| machine.is_of(group)).collect();
                let is_whole = here.len() == group.target_size as usize && group.is_settled();
                let managed = match is_whole {
                    true => Vec::new(),
                    false => {
                        let (zone, name) = (group.zone(), group.name.as_str());
                        self.0.managed_machines(cx, "list machines", zone, name).await?
                    }
                };
                all.extend(merged(&spec, &here, &managed));
            }
        }
        Ok(all)
    }

    async fn managed(
        &self,
        cx: &Context,
        operation: &str,
        spec: &InstanceSpec,
        name: &str,
    ) -> Result<Option<ManagedMachine>, CloudError> {
        let all = self.0.managed_machines(cx, operation, &spec.zone, &spec.group).await?;
        Ok(all.into_iter().find(|one| one.name() == name))
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &InstanceSpec,
    ) -> Result<Found<InstanceSpec>, CloudError> {
        let operation = operation("create", &request.address);
        let name = request.address.name();
        let there = self.managed(cx, &operation, spec, name).await?;
        if let Some(machine) = there.filter(|machine| !machine.is_going()) {
            return Ok(found(spec.clone(), name, None, machine.readiness()));
        }
        let path = ["zones", &spec.zone, "instanceGroupManagers", &spec.group, "createInstances"];
        let url = self.0.client.compute(&path);
        let body = json!({"instances": [{"name": name}]});
        match self.0.client.insert(cx, &operation, &url, request, &body).await {
            // An earlier call asked for it.
            Err(error) if error.kind != ErrorKind::NameTaken => return Err(error),
            _ => {}
        }
        let readiness = match self.managed(cx, &operation, spec, name).await? {
            Some(machine) => machine.readiness(),
            None => Readiness::Pending { reason: "the group was asked for it".to_owned() },
        };
        Ok(found(spec.clone(), name, None, readiness))
    }
}

#[async_trait]
impl Resource for Instances {
    type Spec = InstanceSpec;

    fn name(&self) -> &'static str {
        KIND
    }

    /// Nothing of a machine is changed: it is replaced.
    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::CreateOnly
    }

    fn waits(&self) -> Waits {
        Waits {
            ready: Duration::from_secs(15 * 60),
            recover: Some(Duration::from_secs(15 * 60)),
            gone: Duration::from_secs(15 * 60),
            ..Waits::default()
        }
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<InstanceSpec>>, CloudError> {
        self.list(cx, Fresh::Shared).await
    }

    async fn poll(
        &self,
        cx: &Context,
        ids: &[String],
    ) -> Result<Vec<Found<InstanceSpec>>, CloudError> {
        let mut all = self.list(cx, Fresh::Now).await?;
        all.retain(|found| ids.contains(&found.id));
        Ok(all)
    }

    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<InstanceSpec>>>, CloudError> {
        let all = self.list(cx, Fresh::Now).await?;
        let find = |known: &KnownResource| all.iter().find(|one| one.id == known.id).cloned();
        Ok(known.iter().map(|one| find(one).map_or(Presence::Absent, Presence::Owned)).collect())
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, InstanceSpec)],
    ) -> Vec<Result<Found<InstanceSpec>, CloudError>> {
        create_each(requests, |request, spec| self.make(cx, request, spec)).await
    }

    async fn update(
        &self,
        _cx: &Context,
        request: &UpdateRequest,
        _spec: InstanceSpec,
    ) -> Result<Found<InstanceSpec>, CloudError> {
        nothing_to_update(&request.observed)
    }

    /// Deletes a machine by its group, which shall have one less then. It is not drained here.
    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = operation("delete", &observed.address);
        let text = |field: &str| observed.spec.text(field).unwrap_or_default();
        let spec = InstanceSpec { pool: text("pool"), zone: text("zone"), group: text("group") };
        let name = observed.id.as_str();
        match self.managed(cx, &operation, &spec, name).await? {
            None => return Ok(true),
            Some(machine) if machine.is_going() => return Ok(false),
            Some(_) => {}
        }
        let path = ["zones", &spec.zone, "instanceGroupManagers", &spec.group, "deleteInstances"];
        let url = self.0.client.compute(&path);
        let body = json!({
            "instances": [format!("zones/{}/instances/{name}", spec.zone)],
            // One that is gone meanwhile is no error.
            "skipInstancesOnValidationError": true,
        });
        let address = &observed.address;
        match self.0.client.change(cx, &operation, address, Method::POST, &url, &body).await {
            Ok(()) => Ok(false),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }
}
