//! What must never run twice on its volume, as far as the cluster tells.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    AppsError, KubeClient, Object, ObjectId, SINGLE_ANNOTATION, client::listed, kinds,
    wait::selects,
};

/// Finds the objects marked as single whose claim is held by a pod of something else. Sending them
/// would start a second pod on the same volume.
pub(super) async fn refusals(
    client: &KubeClient,
    objects: &[Object],
    live: &BTreeMap<ObjectId, Value>,
) -> Result<BTreeMap<ObjectId, String>, AppsError> {
    let single = objects.iter().filter(|o| o.annotation(SINGLE_ANNOTATION) == Some("true"));
    let single: Vec<&Object> = single.filter(|o| !kinds::claims(&o.value).is_empty()).collect();
    let mut refusals = BTreeMap::new();
    if single.is_empty() {
        return Ok(refusals);
    }
    let pods = listed(client, "v1", "Pod").await?;
    for object in single {
        let claims = kinds::claims(&object.value);
        let holds = |pod: &&Value| {
            let text = |path| pod.pointer(path).and_then(Value::as_str);
            let is_over = matches!(text("/status/phase"), Some("Succeeded" | "Failed"));
            // As it is there, or as it will be: its selector cannot change.
            let owner = live.get(&object.id).unwrap_or(&object.value);
            text("/metadata/namespace") == object.id.namespace.as_deref()
                && !is_over
                && !selects(owner, pod)
                && kinds::claims(pod).iter().any(|claim| claims.contains(claim))
        };
        if let Some(pod) = pods.iter().find(holds) {
            let name = pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            let reason = format!(
                "pod {name} holds its claim {}; a second one on the same volume would destroy the data",
                claims.join(", ")
            );
            refusals.insert(object.id.clone(), reason);
        }
    }
    Ok(refusals)
}
