use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::fill::{Context, below, default};
use crate::Resource;

/// Moves `stringData`, which is written in clear, to `data`, where it is kept.
pub(super) fn secret(object: &mut Value) {
    default(object, "type", json!("Opaque"));
    let Some(plain) = object.as_object_mut().and_then(|fields| fields.remove("stringData")) else {
        return;
    };
    for (key, value) in plain.as_object().into_iter().flatten() {
        let encoded = STANDARD.encode(value.as_str().unwrap_or_default());
        below(object, "data")[key] = json!(encoded);
    }
}

pub(super) fn claim(object: &mut Value) {
    default(below(object, "spec"), "volumeMode", json!("Filesystem"));
}

/// Gives a claim that names no class the default one (the newest, should there be several).
pub(super) fn claim_created(context: &Context<'_>, object: &mut Value) {
    object["status"] = json!({"phase": "Pending"});
    let spec = below(object, "spec");
    if spec.get("storageClassName").is_some() {
        return;
    }
    let classes = Resource::new("storage.k8s.io", "v1", "storageclasses");
    let (classes, _) = context.server.cluster.store().list(&classes, None);
    let newest = classes
        .iter()
        .filter(|class| {
            class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"]
                == "true"
        })
        .max_by_key(|class| class["metadata"]["creationTimestamp"].as_str().unwrap_or_default());
    if let Some(class) = newest {
        spec["storageClassName"] = class["metadata"]["name"].clone();
    }
}

pub(super) fn csi_driver(object: &mut Value) {
    let spec = below(object, "spec");
    default(spec, "attachRequired", json!(true));
    default(spec, "podInfoOnMount", json!(false));
    default(spec, "volumeLifecycleModes", json!(["Persistent"]));
    default(spec, "storageCapacity", json!(false));
    default(spec, "fsGroupPolicy", json!("ReadWriteOnceWithFSType"));
    default(spec, "requiresRepublish", json!(false));
    default(spec, "seLinuxMount", json!(false));
}
