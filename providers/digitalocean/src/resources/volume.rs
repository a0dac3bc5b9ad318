//! `volume`: a disk that the storage driver made for a PersistentVolume. The driver puts the
//! owner's tag on each (`--do-tag`); equality with that tag is the mark. One that has lost every tag is the
//! cluster's if a machine of the cluster has it.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, ManagedBy, Observed, OnChange,
    Owner, Resource, UpdateRequest, never_created,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::{Api, nothing_to_update, outputs, ready};
use crate::{
    ownership,
    wire::{Droplet, Volume},
};

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    /// Its name in the cloud: `pvc-<uid>`.
    pub name: String,
    /// Its size.
    pub size_gib: u64,
}

pub(crate) struct Volumes(pub(crate) Arc<Api>);

pub(super) fn found(volume: &Volume) -> Found<VolumeSpec> {
    let address = Address::new("volume", &volume.name);
    let spec = VolumeSpec { name: volume.name.clone(), size_gib: volume.size_gigabytes };
    let outputs =
        outputs([("id", json!(volume.id)), ("attached", json!(!volume.droplet_ids.is_empty()))]);
    let mut found = ready(address, volume.id.clone(), spec, outputs);
    found.made_by = ManagedBy::Kubernetes { object: format!("PersistentVolume {}", volume.name) };
    found
}

/// What the storage driver writes into the description of each disk that it makes.
const BY_DRIVER: &str = "Created by DigitalOcean CSI driver";

/// Returns true for a disk that some cluster's storage driver made, and that carries no mark of any: the
/// console deletes a tag from everything at once.
fn is_unmarked(volume: &Volume) -> bool {
    volume.description.as_deref() == Some(BY_DRIVER) && volume.tags.is_empty()
}

fn is_own(owner: &Owner, volume: &Volume, machines: &HashSet<u64>) -> bool {
    let attached = || volume.droplet_ids.iter().any(|id| machines.contains(id));
    volume.tags.contains(&owner.tag()) || is_unmarked(volume) && attached()
}

async fn volumes(api: &Api, cx: &Context) -> Result<Vec<Volume>, CloudError> {
    api.client.list_shared(cx, "list volumes", &["volumes"], &[], "volumes").await
}

/// Names the disks that may be this cluster's, though nothing tells: no machine has them, and their mark
/// is gone.
pub(super) async fn unmarked(api: &Api, cx: &Context) -> Result<Vec<String>, CloudError> {
    let all = volumes(api, cx).await?;
    let adrift = all.iter().filter(|one| is_unmarked(one) && one.droplet_ids.is_empty());
    Ok(adrift.map(|one| format!("volume {} ({} GiB)", one.name, one.size_gigabytes)).collect())
}

/// Returns the ids of the cluster's machines: any mark tells, since the owner's may be gone.
async fn own_machines(api: &Api, cx: &Context) -> Result<HashSet<u64>, CloudError> {
    let all: Vec<Droplet> =
        api.client.list_shared(cx, "list droplets", &["droplets"], &[], "droplets").await?;
    let own = |tags: &[String]| tags.iter().any(|tag| ownership::is_own(&cx.owner, tag));
    Ok(all.iter().filter(|droplet| own(&droplet.tags)).map(|droplet| droplet.id).collect())
}

#[async_trait]
impl Resource for Volumes {
    type Spec = VolumeSpec;

    fn name(&self) -> &'static str {
        "volume"
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::CreateOnly
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<VolumeSpec>>, CloudError> {
        let all = volumes(&self.0, cx).await?;
        let machines = if all.iter().any(is_unmarked) {
            own_machines(&self.0, cx).await?
        } else {
            HashSet::new()
        };
        let own = all.iter().filter(|volume| is_own(&cx.owner, volume, &machines));
        Ok(own.map(found).collect())
    }

    async fn create(
        &self,
        _cx: &Context,
        requests: &[(CreateRequest, VolumeSpec)],
    ) -> Vec<Result<Found<VolumeSpec>, CloudError>> {
        requests.iter().map(|(request, _)| Err(never_created(request))).collect()
    }

    async fn update(
        &self,
        _cx: &Context,
        request: &UpdateRequest,
        _spec: VolumeSpec,
    ) -> Result<Found<VolumeSpec>, CloudError> {
        nothing_to_update(&request.observed)
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let path = &["volumes", observed.id.as_str()];
        let deleted = self.0.client.delete(cx, &operation, path).await;
        deleted.map(|_| true).map_err(|error| {
            // A machine lets go of its disks some time after it is deleted.
            let attached = error.message.to_lowercase().contains("attach");
            if attached { CloudError { kind: ErrorKind::Busy, ..error } } else { error }
        })
    }

    fn delete_warning(&self, observed: &Observed) -> Option<String> {
        let size_gib = observed.spec.get("size_gib")?.as_u64()?;
        Some(format!("its data is lost ({size_gib} GiB)"))
    }
}
