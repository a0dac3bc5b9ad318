//! The PersistentVolumeClaims of a StatefulSet's pods.

use serde_json::{Value, json};

use crate::StoreError;
use crate::controllers::context::Ctx;
use crate::controllers::error::ControllerError;
use crate::controllers::kinds::CLAIMS;
use crate::controllers::object::{ObjectExt, child};

/// Makes the claims of a pod that do not exist yet.
pub fn ensure(ctx: &Ctx, by: &str, set: &Value, pod_name: &str) -> Result<(), ControllerError> {
    for template in set.list_at("/spec/volumeClaimTemplates") {
        let name = claim_name(template, pod_name);
        if ctx.find(&CLAIMS, set.ns(), &name).is_some() {
            continue;
        }
        let mut claim = template.clone();
        claim["apiVersion"] = json!("v1");
        claim["kind"] = json!("PersistentVolumeClaim");
        let meta = child(&mut claim, "metadata");
        meta["name"] = json!(name);
        meta["namespace"] = json!(set.ns());
        if let Some(m) = meta.as_object_mut() {
            m.remove("creationTimestamp");
            m.remove("uid");
        }
        let labels = child(meta, "labels");
        for (k, v) in set.strings_at("/spec/selector/matchLabels") {
            labels[k] = json!(v);
        }
        claim["status"] = json!({"phase": "Pending"});
        match ctx.store().create(&CLAIMS, claim) {
            Ok(_) => {
                let message = format!(
                    "create Claim {name} Pod {pod_name} in StatefulSet {} success",
                    set.name()
                );
                ctx.normal(by, set, "SuccessfulCreate", &message);
            }
            Err(StoreError::AlreadyExists { .. }) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

fn claim_name(template: &Value, pod_name: &str) -> String {
    format!("{}-{pod_name}", template.name())
}

/// Makes the pod's volumes with the templates' names point at its claims.
pub fn mount(set: &Value, pod: &mut Value, pod_name: &str) {
    let templates = set.list_at("/spec/volumeClaimTemplates");
    if templates.is_empty() {
        return;
    }
    let mut volumes: Vec<Value> = pod
        .list_at("/spec/volumes")
        .iter()
        .filter(|v| !templates.iter().any(|t| t.name() == v.str_at("/name")))
        .cloned()
        .collect();
    for t in templates {
        volumes.push(json!({"name": t.name(),
            "persistentVolumeClaim": {"claimName": claim_name(t, pod_name)}}));
    }
    pod["spec"]["volumes"] = json!(volumes);
}
