//! `volume`: a disk that the storage driver made for a PersistentVolume. The driver puts the
//! owner's tag on each (`--do-tag`); equality with that tag is the mark.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, MadeBy, Observed, OnChange,
    Resource, UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, nothing_to_update, outputs, ready},
    made::never_created,
};
use crate::wire::Volume;

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
    found.made_by = MadeBy::Kubernetes { object: format!("PersistentVolume {}", volume.name) };
    found
}

fn owned(cx: &Context, all: &[Volume]) -> Vec<Found<VolumeSpec>> {
    let tag = cx.owner.tag();
    all.iter().filter(|volume| volume.tags.contains(&tag)).map(found).collect()
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
        let all: Vec<Volume> =
            self.0.client.list_shared(cx, "list volumes", &["volumes"], &[], "volumes").await?;
        Ok(owned(cx, &all))
    }

    async fn create(
        &self,
        _cx: &Context,
        requests: &[(CreateRequest, VolumeSpec)],
    ) -> Vec<Result<Found<VolumeSpec>, CloudError>> {
        never_created(requests)
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
