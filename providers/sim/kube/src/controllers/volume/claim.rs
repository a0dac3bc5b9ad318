//! The claim side: default class, binding, provisioning, protection.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::controllers::cloud::{self, CSI};
use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{CLAIMS, NODES, PODS, STORAGE_CLASSES, VOLUMES};
use crate::controllers::object::{
    ObjectExt, add_finalizer, child, remove_finalizer, set_annotation,
};
use crate::controllers::scheduler::{SELECTED_NODE, claim_names};
use crate::{StoreError, VolumeRequest};

use super::{driver, plan, reporter};

const NAME: &str = "persistentvolume-controller";
const PROTECTION: &str = "kubernetes.io/pvc-protection";
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// The controller of PersistentVolumeClaims, and the CSI driver's provisioner.
pub struct Claims;

#[async_trait]
impl Controller for Claims {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&CLAIMS) {
            if !change.deleted {
                out.push(change.key.clone());
            }
        } else if change.is(&PODS) {
            let moved = change.deleted || change.old.is_none() || change.differs("/status/phase");
            if moved {
                let names = claim_names(&change.object);
                out.extend(names.iter().map(|n| Key::new(&CLAIMS, &change.key.ns, n)));
            }
        } else if change.is(&STORAGE_CLASSES)
            || change.is(&VOLUMES)
            || cloud::is_driver_change(change, CSI)
        {
            let all = ctx.list(&CLAIMS, "");
            let open = all.iter().filter(|c| {
                c.str_at("/status/phase") != "Bound"
                    || c.str_at("/spec/volumeName") == change.key.name
            });
            out.extend(open.map(|c| Key::of(&CLAIMS, c)));
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(claim) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        if claim.is_deleting() {
            if claim.has_finalizer(PROTECTION) && !in_use(ctx, &claim) {
                ctx.modify(&CLAIMS, &claim, |c| remove_finalizer(c, PROTECTION))?;
            }
            return Ok(Next::Done);
        }
        if claim.str_at("/status/phase") == "Bound" {
            return check_bound(ctx, &claim);
        }
        let claim = ctx.modify(&CLAIMS, &claim, prepare)?;
        let Some(claim) = claim else {
            return Ok(Next::Done);
        };
        let volumes = ctx.list(&VOLUMES, "");
        if let Some(volume) = plan::best_volume(&claim, &volumes) {
            // Waiting for a consumer also holds for volumes that are there.
            if !waits(ctx, &claim) || volume.at("/spec/claimRef").is_object() {
                return bind(ctx, &claim, &volume);
            }
        }
        provision(ctx, &claim).await
    }

    fn workers(&self) -> usize {
        4
    }
}

/// Sets the protection and the phase.
fn prepare(c: &mut Value) {
    add_finalizer(c, PROTECTION);
    let status = child(c, "status");
    if status["phase"].is_null() {
        status["phase"] = json!("Pending");
    }
}

fn class_of(ctx: &Ctx, claim: &Value) -> Option<std::sync::Arc<Value>> {
    match claim.at("/spec/storageClassName").as_str() {
        Some(name) => ctx.find(&STORAGE_CLASSES, "", name),
        None => ctx
            .list(&STORAGE_CLASSES, "")
            .into_iter()
            .find(|c| c.annotation(DEFAULT_CLASS) == Some("true")),
    }
}

fn waits(ctx: &Ctx, claim: &Value) -> bool {
    claim.annotation(SELECTED_NODE).is_none()
        && class_of(ctx, claim).is_some_and(|c| c["volumeBindingMode"] == "WaitForFirstConsumer")
}

fn in_use(ctx: &Ctx, claim: &Value) -> bool {
    ctx.list(&PODS, claim.ns()).iter().any(|p| {
        !crate::controllers::pods::has_ended(p) && claim_names(p).iter().any(|n| n == claim.name())
    })
}

fn check_bound(ctx: &Ctx, claim: &Value) -> Result<Next, ControllerError> {
    let volume = claim.str_at("/spec/volumeName");
    if !volume.is_empty() && ctx.find(&VOLUMES, "", volume).is_none() {
        ctx.modify(&CLAIMS, claim, |c| child(c, "status")["phase"] = json!("Lost"))?;
        ctx.warning(
            NAME,
            claim,
            "ClaimLost",
            "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
        );
    }
    Ok(Next::Done)
}

fn bind(ctx: &Ctx, claim: &Value, volume: &Value) -> Result<Next, ControllerError> {
    let reference = plan::claim_ref(claim);
    let mut ours = false;
    ctx.modify(&VOLUMES, volume, |v| {
        let taken = v.at("/spec/claimRef/uid").as_str().is_some_and(|u| u != claim.uid());
        ours = !taken;
        if ours && v.at("/spec/claimRef/uid").as_str() != Some(claim.uid()) {
            v["spec"]["claimRef"] = reference.clone();
            set_annotation(v, "pv.kubernetes.io/bound-by-controller", "yes");
        }
        if ours {
            child(v, "status")["phase"] = json!("Bound");
        }
    })?;
    if !ours {
        return Err(ControllerError::Invalid("the volume was taken by another claim".into()));
    }
    let (name, modes, size) = (
        volume.name().to_owned(),
        volume.at("/spec/accessModes").clone(),
        volume.at("/spec/capacity").clone(),
    );
    ctx.modify(&CLAIMS, claim, |c| {
        set_annotation(c, "pv.kubernetes.io/bind-completed", "yes");
        set_annotation(c, "pv.kubernetes.io/bound-by-controller", "yes");
        c["spec"]["volumeName"] = json!(name);
        let status = child(c, "status");
        status["phase"] = json!("Bound");
        status["accessModes"] = modes.clone();
        status["capacity"] = size.clone();
    })?;
    Ok(Next::Done)
}

async fn provision(ctx: &Ctx, claim: &Value) -> Result<Next, ControllerError> {
    let named = claim.at("/spec/storageClassName").as_str();
    let Some(class) = class_of(ctx, claim) else {
        match named {
            Some("") | None => once(
                ctx,
                claim,
                "FailedBinding",
                "no persistent volumes available for this claim and no storage class is set",
            ),
            Some(name) => {
                let message = format!("storageclass.storage.k8s.io \"{name}\" not found");
                ctx.warning(NAME, claim, "ProvisioningFailed", &message);
            }
        }
        return Ok(Next::Done);
    };
    if named.is_none() {
        ctx.modify(&CLAIMS, claim, |c| c["spec"]["storageClassName"] = json!(class.name()))?;
    }
    if waits(ctx, claim) {
        once(
            ctx,
            claim,
            "WaitForFirstConsumer",
            "waiting for first consumer to be created before binding",
        );
        return Ok(Next::Done);
    }
    let provisioner = class.str_at("/provisioner").to_owned();
    if provisioner == "kubernetes.io/no-provisioner" {
        return Ok(Next::Done);
    }
    ctx.modify(&CLAIMS, claim, |c| {
        set_annotation(c, "volume.beta.kubernetes.io/storage-provisioner", &provisioner);
        set_annotation(c, "volume.kubernetes.io/storage-provisioner", &provisioner);
    })?;
    once(
        ctx,
        claim,
        "ExternalProvisioning",
        &format!(
            "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
        ),
    );
    if provisioner != driver(ctx) {
        return Ok(Next::Done);
    }
    make(ctx, claim, &class).await
}

async fn make(ctx: &Ctx, claim: &Value, class: &Value) -> Result<Next, ControllerError> {
    let Some(csi) = cloud::find(ctx, CSI) else {
        return Ok(Next::Done);
    };
    let by = reporter(ctx);
    let about = format!(
        "External provisioner is provisioning volume for claim \"{}/{}\"",
        claim.ns(),
        claim.name()
    );
    ctx.normal(&by, claim, "Provisioning", &about);
    let node = claim.annotation(SELECTED_NODE).and_then(|n| ctx.find(&NODES, "", n));
    let of_node = node.as_ref().and_then(|n| n.label("topology.kubernetes.io/region"));
    let region = csi.region.clone().or_else(|| of_node.map(str::to_owned));
    let zone_label = ctx.options().managed.as_ref().map(|managed| managed.zone_label.as_str());
    let zone = zone_label.and_then(|label| node.as_ref()?.label(label));
    let name = plan::volume_name(claim);
    let request = VolumeRequest {
        name: name.clone(),
        size_gib: plan::size_gib(claim),
        region: region.clone(),
        zone: zone.map(str::to_owned),
        claim: format!("{}/{}", claim.ns(), claim.name()),
        kind: class.at("/parameters/type").as_str().map(str::to_owned),
        tags: csi.tag.into_iter().collect(),
        token: csi.token,
    };
    let id = match ctx.cloud().ensure_volume(request).await {
        Ok(id) => id,
        Err(e) => {
            let message =
                format!("failed to provision volume with StorageClass \"{}\": {e}", class.name());
            ctx.warning(&by, claim, "ProvisioningFailed", &message);
            return Err(e.into());
        }
    };
    let place = match zone_label {
        Some(label) => zone.map(|zone| (label, zone)),
        None => region.as_deref().map(|region| ("topology.kubernetes.io/region", region)),
    };
    let made = plan::Made { driver: driver(ctx), id: &id, place };
    match ctx.store().create(&VOLUMES, plan::new_volume(claim, class, &made)) {
        Ok(_) => ctx.normal(
            &by,
            claim,
            "ProvisioningSucceeded",
            &format!("Successfully provisioned volume {name}"),
        ),
        Err(StoreError::AlreadyExists { .. }) => {}
        Err(e) => return Err(e.into()),
    }
    match ctx.find(&VOLUMES, "", &name) {
        Some(volume) => bind(ctx, claim, &volume),
        None => Ok(Next::After(Duration::from_millis(100))),
    }
}

fn once(ctx: &Ctx, claim: &Value, reason: &str, message: &str) {
    ctx.normal_once(NAME, claim, reason, message);
}
