//! The volume side: phases, reclaiming, protection.

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::controllers::cloud::{self, CSI};
use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{CLAIMS, VOLUME_ATTACHMENTS, VOLUMES};
use crate::controllers::object::{ObjectExt, add_finalizer, child, remove_finalizer};

use super::{driver, reporter};

const NAME: &str = "persistentvolume-controller";
const PROTECTION: &str = "kubernetes.io/pv-protection";
const PROVISIONER: &str = "external-provisioner.volume.kubernetes.io/finalizer";

/// The controller of PersistentVolumes, and the CSI driver's deletion of volumes.
pub struct Volumes;

#[async_trait]
impl Controller for Volumes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&VOLUMES) {
            if !change.deleted {
                out.push(change.key.clone());
            }
        } else if change.is(&CLAIMS) && change.deleted {
            let name = change.object.str_at("/spec/volumeName");
            if !name.is_empty() {
                out.push(Key::new(&VOLUMES, "", name));
            }
        } else if change.is(&VOLUME_ATTACHMENTS) && change.deleted {
            let name = change.object.str_at("/spec/source/persistentVolumeName");
            out.push(Key::new(&VOLUMES, "", name));
        } else if cloud::is_driver_change(change, CSI) {
            let all = ctx.list(&VOLUMES, "");
            out.extend(all.iter().map(|v| Key::of(&VOLUMES, v)));
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(volume) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        let claim = claim_of(ctx, &volume);
        let referred = !volume.str_at("/spec/claimRef/uid").is_empty();
        let phase = match (claim.is_some(), referred) {
            (true, _) => "Bound",
            (false, true) => "Released",
            (false, false) => "Available",
        };
        ctx.modify(&VOLUMES, &volume, |v| {
            if !v.is_deleting() {
                add_finalizer(v, PROTECTION);
            }
            child(v, "status")["phase"] = json!(phase);
        })?;
        if volume.is_deleting() && phase != "Bound" {
            ctx.modify(&VOLUMES, &volume, |v| remove_finalizer(v, PROTECTION))?;
        }
        let deletes = volume.str_at("/spec/persistentVolumeReclaimPolicy") == "Delete";
        if phase == "Released" && deletes {
            return reclaim(ctx, &volume).await;
        }
        if volume.is_deleting() && phase != "Bound" {
            // Kept in the cloud: only the object goes.
            ctx.modify(&VOLUMES, &volume, |v| remove_finalizer(v, PROVISIONER))?;
        }
        Ok(Next::Done)
    }

    fn workers(&self) -> usize {
        4
    }
}

fn claim_of(ctx: &Ctx, volume: &Value) -> Option<std::sync::Arc<Value>> {
    let r = volume.at("/spec/claimRef");
    ctx.find(&CLAIMS, r.str_at("/namespace"), r.str_at("/name"))
        .filter(|c| c.uid() == r.str_at("/uid"))
}

async fn reclaim(ctx: &Ctx, volume: &Value) -> Result<Next, ControllerError> {
    let of_volume = volume.str_at("/spec/csi/driver");
    if of_volume.is_empty() {
        ctx.store().delete(&VOLUMES, None, volume.name())?;
        return Ok(Next::Done);
    }
    let attached = ctx
        .list(&VOLUME_ATTACHMENTS, "")
        .iter()
        .any(|a| a.str_at("/spec/source/persistentVolumeName") == volume.name());
    if of_volume != driver(ctx) || attached || cloud::find(ctx, CSI).is_none() {
        return Ok(Next::Done);
    }
    let id = volume.str_at("/spec/csi/volumeHandle");
    if let Err(e) = ctx.cloud().delete_volume(id).await {
        ctx.warning(&reporter(ctx), volume, "VolumeFailedDelete", &e.to_string());
        return Err(e.into());
    }
    ctx.store().delete(&VOLUMES, None, volume.name())?;
    ctx.modify(&VOLUMES, volume, |v| {
        remove_finalizer(v, PROTECTION);
        remove_finalizer(v, PROVISIONER);
    })?;
    Ok(Next::Done)
}
