//! `volume`: a disk that the storage driver made for a PersistentVolume. The driver puts the
//! cluster's Kubernetes tag on each; equality with it is the mark.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::Volume;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, ManagedBy, Observed, OnChange,
    never_created,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, ec2_marks, filter, outputs, ready},
    unbatched::Unbatched,
};
use crate::ownership::kubernetes_tag;

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    /// Gibibytes.
    pub size_gib: i32,
}

pub(crate) struct Volumes(pub(crate) Arc<Api>);

fn found(cx: &Context, volume: &Volume) -> Option<Found<VolumeSpec>> {
    let marks = ec2_marks(volume.tags());
    // Root disks carry the owner's mark, too, and go with their machines.
    if !marks.is_kubernetes(&cx.owner) {
        return None;
    }
    let id = volume.volume_id().unwrap_or_default();
    let claim = |what: &str| marks.get(&format!("kubernetes.io/created-for/pvc/{what}"));
    let object = match (claim("namespace"), claim("name")) {
        (Some(namespace), Some(name)) => format!("PersistentVolumeClaim {namespace}/{name}"),
        _ => "a PersistentVolumeClaim".to_owned(),
    };
    let outputs =
        outputs([("id", json!(id)), ("attached", json!(!volume.attachments().is_empty()))]);
    let spec = VolumeSpec { size_gib: volume.size().unwrap_or_default() };
    let mut found = ready(Address::new("volume", id), id, spec, None, outputs);
    found.made_by = ManagedBy::Kubernetes { object };
    Some(found)
}

#[async_trait]
impl Unbatched for Volumes {
    type Spec = VolumeSpec;
    const NAME: &'static str = "volume";
    const KEYED: bool = true;

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::CreateOnly
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<VolumeSpec>>, CloudError> {
        let mark = filter(&format!("tag:{}", kubernetes_tag(&cx.owner)), ["owned"]);
        let all = self
            .0
            .read(cx, "list volumes", || {
                let pages = self.0.ec2.describe_volumes().filters(mark.clone()).into_paginator();
                pages.items().send().collect::<Result<Vec<_>, _>>()
            })
            .await?;
        Ok(all.iter().filter_map(|volume| found(cx, volume)).collect())
    }

    async fn make(
        &self,
        _cx: &Context,
        request: &CreateRequest,
        _spec: VolumeSpec,
    ) -> Result<Found<VolumeSpec>, CloudError> {
        Err(never_created(request))
    }

    async fn remove(&self, _cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        // A machine lets go of its disks some time after it is terminated: `VolumeInUse` until then.
        let operation = format!("delete {}", observed.address);
        let call = self.0.ec2.delete_volume().volume_id(&observed.id).send();
        self.0.delete(&operation, call).await?;
        Ok(true)
    }

    fn warning(&self, observed: &Observed) -> Option<String> {
        let size_gib = observed.spec.get("size_gib")?.as_i64()?;
        Some(format!("its data is lost ({size_gib} GiB)"))
    }
}
