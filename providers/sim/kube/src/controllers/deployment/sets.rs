//! The ReplicaSets of a Deployment: finding, making, numbering and forgetting them.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::StoreError;
use crate::controllers::context::Ctx;
use crate::controllers::error::ControllerError;
use crate::controllers::kinds::{DEPLOYMENTS, REPLICA_SETS};
use crate::controllers::names::{canonical, template_hash};
use crate::controllers::object::{ObjectExt, child, owner_ref, set_annotation, set_label};

use super::plan::Bounds;

/// The label that tells pods of one template from those of another.
pub const HASH_LABEL: &str = "pod-template-hash";
/// The number of a rollout.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// Numbers a ReplicaSet had before it was rolled out again.
pub const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// `spec.replicas` of the Deployment a ReplicaSet was last scaled for.
pub const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// The same, with surge.
pub const MOST: &str = "deployment.kubernetes.io/max-replicas";

/// Reads the revision annotation as a number.
pub fn revision(o: &Value) -> i64 {
    o.annotation(REVISION).and_then(|r| r.parse().ok()).unwrap_or(0)
}

/// Returns the template of a ReplicaSet without the hash its Deployment added.
fn plain_template(set: &Value) -> String {
    let mut template = set.at("/spec/template").clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH_LABEL);
    }
    normal(&template)
}

fn normal(template: &Value) -> String {
    let mut t = template.clone();
    if let Some(meta) = t.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.retain(|k, v| {
            (k == "labels" || k == "annotations") && v.as_object().is_some_and(|m| !m.is_empty())
        });
    }
    canonical(&t)
}

/// Finds the ReplicaSet of the Deployment's present template, the oldest if there are several.
pub fn find_new(deployment: &Value, sets: &[Arc<Value>]) -> Option<Arc<Value>> {
    let wanted = normal(deployment.at("/spec/template"));
    sets.iter()
        .filter(|s| plain_template(s) == wanted)
        .min_by(|a, b| {
            let at = |s: &Value| s.str_at("/metadata/creationTimestamp").to_owned();
            at(a).cmp(&at(b)).then(a.name().cmp(b.name()))
        })
        .cloned()
}

/// Makes the ReplicaSet of the present template. `None` when its name was taken by another one:
/// the collision is counted and the Deployment comes again.
pub fn create_new(
    ctx: &Ctx,
    deployment: &Value,
    replicas: i64,
    revision: i64,
) -> Result<Option<Arc<Value>>, ControllerError> {
    let template = deployment.at("/spec/template");
    let collisions = deployment.int_at("/status/collisionCount").unwrap_or(0);
    let hash = template_hash(template, collisions);
    let name = format!("{}-{hash}", deployment.name());
    let mut template = template.clone();
    child(child(&mut template, "metadata"), "labels")[HASH_LABEL] = json!(hash);
    let mut selector = deployment.at("/spec/selector").clone();
    child(&mut selector, "matchLabels")[HASH_LABEL] = json!(hash);
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": deployment.ns(),
            "labels": template.at("/metadata/labels"),
            "ownerReferences": [owner_ref("apps/v1", "Deployment", deployment)]},
        "spec": {"replicas": replicas, "selector": selector, "template": template},
        "status": {"replicas": 0},
    });
    if let Some(seconds) = deployment.int_at("/spec/minReadySeconds").filter(|s| *s > 0) {
        set["spec"]["minReadySeconds"] = json!(seconds);
    }
    set_label(&mut set, HASH_LABEL, &hash);
    annotate(deployment, &mut set, revision);
    match ctx.store().create(&REPLICA_SETS, set) {
        Ok(set) => Ok(Some(set)),
        Err(StoreError::AlreadyExists { .. }) => {
            ctx.modify(&DEPLOYMENTS, deployment, |d| {
                child(d, "status")["collisionCount"] = json!(collisions + 1);
            })?;
            Ok(None)
        }
        Err(e) => Err(e.into()),
    }
}

/// Copies the Deployment's annotations to a ReplicaSet and writes the numbers it was scaled for.
pub fn annotate(deployment: &Value, set: &mut Value, revision: i64) {
    for (key, value) in deployment.strings_at("/metadata/annotations") {
        let own =
            [REVISION, HISTORY, DESIRED, MOST, "kubectl.kubernetes.io/last-applied-configuration"];
        if !own.contains(&key.as_str()) {
            set_annotation(set, &key, &value);
        }
    }
    let before = set.annotation(REVISION).unwrap_or("").to_owned();
    if revision > before.parse().unwrap_or(0) {
        if !before.is_empty() {
            let history = match set.annotation(HISTORY) {
                Some(h) if !h.is_empty() => format!("{h},{before}"),
                _ => before,
            };
            set_annotation(set, HISTORY, &history);
        }
        set_annotation(set, REVISION, &revision.to_string());
    }
    mark_scaled(deployment, set);
}

/// Writes which size of the Deployment a ReplicaSet was scaled for.
pub fn mark_scaled(deployment: &Value, set: &mut Value) {
    let b = Bounds::of(deployment);
    set_annotation(set, DESIRED, &b.replicas.to_string());
    set_annotation(set, MOST, &(b.replicas + b.surge).to_string());
}

/// Lists old, empty ReplicaSets beyond `revisionHistoryLimit`, oldest first.
pub fn forgettable(deployment: &Value, old: &[Arc<Value>]) -> Vec<Arc<Value>> {
    let limit = usize::try_from(deployment.int_at("/spec/revisionHistoryLimit").unwrap_or(10))
        .unwrap_or(usize::MAX);
    let surplus = old.len().saturating_sub(limit);
    let mut sorted: Vec<Arc<Value>> = old.to_vec();
    sorted.sort_by_key(|s| revision(s));
    sorted
        .into_iter()
        .take(surplus)
        .filter(|s| {
            s.int_at("/spec/replicas").unwrap_or(0) == 0
                && s.int_at("/status/replicas").unwrap_or(0) == 0
                && s.int_at("/status/observedGeneration").unwrap_or(0)
                    >= s.int_at("/metadata/generation").unwrap_or(0)
                && !s.is_deleting()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_set_is_the_one_with_the_same_template() {
        let t =
            json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"image": "x:1"}]}});
        let d = json!({"spec": {"template": t}});
        let mut labelled = t.clone();
        labelled["metadata"]["labels"][HASH_LABEL] = json!("abc");
        labelled["metadata"]["creationTimestamp"] = Value::Null;
        let same = Arc::new(json!({"metadata": {"name": "same"}, "spec": {"template": labelled}}));
        let other = Arc::new(json!({"metadata": {"name": "other"}, "spec": {"template": {}}}));
        let found = find_new(&d, &[other.clone(), same]).unwrap();
        assert_eq!(found.name(), "same");
        assert!(find_new(&d, &[other]).is_none());
    }

    #[test]
    fn rolling_back_gives_a_new_number_and_keeps_the_old_one() {
        let d = json!({"spec": {"replicas": 2}});
        let mut rs = json!({"metadata": {"annotations": {REVISION: "1"}}});
        annotate(&d, &mut rs, 3);
        assert_eq!(revision(&rs), 3);
        assert_eq!(rs.annotation(HISTORY), Some("1"));
        assert_eq!(rs.annotation(MOST), Some("3"));
    }
}
