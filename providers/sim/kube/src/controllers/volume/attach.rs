//! Attaching volumes to the nodes of the pods that mount them.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::controllers::cloud::{self, CSI};
use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{CLAIMS, NODES, PODS, VOLUME_ATTACHMENTS, VOLUMES};
use crate::controllers::names::suffix_of;
use crate::controllers::object::ObjectExt;
use crate::controllers::scheduler::claim_names;
use crate::{CloudError, StoreError};

use super::driver;

const NAME: &str = "attachdetach-controller";

/// The attach/detach controller and the CSI attacher. Its keys are PersistentVolumes.
pub struct Attachments;

/// Returns the name of the VolumeAttachment of a volume and a node.
pub fn attachment_name(volume: &str, node: &str) -> String {
    format!("csi-{}", suffix_of(&format!("{volume}/{node}"), 32))
}

#[async_trait]
impl Controller for Attachments {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&PODS) {
            let moved = change.deleted
                || change.differs("/spec/nodeName")
                || change.differs("/status/phase");
            if moved {
                for name in claim_names(&change.object) {
                    let claim = ctx.find(&CLAIMS, &change.key.ns, &name);
                    let volume = claim.map(|c| c.str_at("/spec/volumeName").to_owned());
                    out.extend(
                        volume.filter(|v| !v.is_empty()).map(|v| Key::new(&VOLUMES, "", &v)),
                    );
                }
            }
        } else if change.is(&CLAIMS) && change.differs("/spec/volumeName") {
            let name = change.object.str_at("/spec/volumeName");
            if !name.is_empty() {
                out.push(Key::new(&VOLUMES, "", name));
            }
        } else if change.is(&VOLUME_ATTACHMENTS) && (change.deleted || change.old.is_none()) {
            let name = change.object.str_at("/spec/source/persistentVolumeName");
            out.push(Key::new(&VOLUMES, "", name));
        } else if (change.is(&NODES) && change.differs("/spec/providerID"))
            || cloud::is_driver_change(change, CSI)
        {
            let all = ctx.list(&VOLUMES, "");
            out.extend(all.iter().map(|v| Key::of(&VOLUMES, v)));
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let have: Vec<Arc<Value>> = ctx
            .list(&VOLUME_ATTACHMENTS, "")
            .into_iter()
            .filter(|a| a.str_at("/spec/source/persistentVolumeName") == key.name)
            .collect();
        let Some(volume) = ctx.get(key) else {
            for a in have {
                ctx.delete(&VOLUME_ATTACHMENTS, &a)?;
            }
            return Ok(Next::Done);
        };
        let id = volume.str_at("/spec/csi/volumeHandle");
        if volume.str_at("/spec/csi/driver") != driver(ctx) || cloud::find(ctx, CSI).is_none() {
            return Ok(Next::Done);
        }
        let (wanted, pods) = wanted(ctx, &volume);
        let (keep, drop): (Vec<_>, Vec<_>) =
            have.into_iter().partition(|a| wanted.contains(a.str_at("/spec/nodeName")));
        for a in drop {
            detach(ctx, id, &a).await?;
        }
        if !keep.is_empty() {
            let here = keep[0].str_at("/spec/nodeName");
            for p in pods.iter().filter(|p| p.str_at("/spec/nodeName") != here) {
                let message = format!(
                    "Multi-Attach error for volume \"{}\" Volume is already used by pod(s) on another node",
                    key.name
                );
                ctx.warning(NAME, p, "FailedAttachVolume", &message);
            }
            return Ok(Next::Done);
        }
        // A block volume is on one node at a time.
        let Some(node) = wanted.first() else {
            return Ok(Next::Done);
        };
        attach(ctx, &volume, id, node, &pods).await
    }

    fn workers(&self) -> usize {
        4
    }
}

/// Lists the nodes of the pods that mount a volume, and those pods.
fn wanted(ctx: &Ctx, volume: &Value) -> (BTreeSet<String>, Vec<Arc<Value>>) {
    let r = volume.at("/spec/claimRef");
    let claim = r.str_at("/name");
    let pods: Vec<Arc<Value>> = ctx
        .list(&PODS, r.str_at("/namespace"))
        .into_iter()
        .filter(|p| !claim.is_empty() && !p.str_at("/spec/nodeName").is_empty())
        .filter(|p| !crate::controllers::pods::has_ended(p))
        .filter(|p| claim_names(p).iter().any(|n| n == claim))
        .collect();
    let nodes = pods
        .iter()
        .map(|p| p.str_at("/spec/nodeName").to_owned())
        .filter(|n| ctx.find(&NODES, "", n).is_some())
        .collect();
    (nodes, pods)
}

async fn attach(
    ctx: &Ctx,
    volume: &Value,
    id: &str,
    node: &str,
    pods: &[Arc<Value>],
) -> Result<Next, ControllerError> {
    let Some(object) = ctx.find(&NODES, "", node) else {
        return Ok(Next::Done);
    };
    if object.str_at("/spec/providerID").is_empty() {
        // The cloud controller has not seen the node yet; its providerID wakes this again.
        return Ok(Next::Done);
    }
    let Some(machine) = machine(ctx, &object).await? else {
        return Ok(Next::Done);
    };
    let here = |p: &&Arc<Value>| p.str_at("/spec/nodeName") == node;
    if let Err(e) = ctx.cloud().attach_volume(id, Some(machine)).await {
        let message = format!("AttachVolume.Attach failed for volume \"{}\" : {e}", volume.name());
        for p in pods.iter().filter(here) {
            ctx.warning(NAME, p, "FailedAttachVolume", &message);
        }
        return Err(e.into());
    }
    let attachment = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment",
        "metadata": {"name": attachment_name(volume.name(), node),
            "annotations": {"csi.alpha.kubernetes.io/node-id": machine.to_string()}},
        "spec": {"attacher": driver(ctx), "nodeName": node, "source": {"persistentVolumeName": volume.name()}},
        "status": {"attached": true},
    });
    match ctx.store().create(&VOLUME_ATTACHMENTS, attachment) {
        Ok(_) | Err(StoreError::AlreadyExists { .. }) => {}
        Err(e) => return Err(e.into()),
    }
    let message = format!("AttachVolume.Attach succeeded for volume \"{}\"", volume.name());
    for p in pods.iter().filter(here) {
        ctx.normal(NAME, p, "SuccessfulAttachVolume", &message);
    }
    Ok(Next::Done)
}

/// Returns the cloud's number of a node's machine.
async fn machine(ctx: &Ctx, node: &Value) -> Result<Option<u64>, ControllerError> {
    if ctx.options().managed.is_some() {
        let instance = ctx.cloud().instance(node.name()).await?;
        return Ok(instance.map(|one| one.droplet_id));
    }
    let droplet = node.str_at("/spec/providerID").strip_prefix("digitalocean://");
    Ok(droplet.and_then(|id| id.parse().ok()))
}

async fn detach(ctx: &Ctx, id: &str, attachment: &Value) -> Result<(), ControllerError> {
    match ctx.cloud().attach_volume(id, None).await {
        // What is refused was detached already, or its machine is gone.
        Ok(()) | Err(CloudError::Refused(_)) => {
            ctx.delete(&VOLUME_ATTACHMENTS, attachment)?;
            Ok(())
        }
        Err(e) => Err(e.into()),
    }
}
