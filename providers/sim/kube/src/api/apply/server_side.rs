use http::StatusCode;
use serde_json::{Value, json};

use super::compare::compare;
use super::extract::{extract, strip};
use super::managers::{Entry, Tracking, now, read, write};
use super::merge::merge;
use super::remove::remove_unowned;
use super::set::FieldSet;
use crate::api::error::{ApiError, ApiResult};
use crate::api::kind::Kind;
use crate::store::meta_mut;

/// Applies on the server: it lays `config` over the live object, and takes away what its manager
/// applied before and no longer does. It refuses to change other managers' fields unless forced.
pub(crate) fn apply(
    kind: &Kind,
    live: Option<&Value>,
    config: &Value,
    by: &Tracking,
    force: bool,
) -> ApiResult<Value> {
    let ty = &kind.schema;
    let status_too = kind.has_status() && by.subresource.is_empty();
    let mut wanted = extract(config, ty);
    strip(&mut wanted, status_too);
    let mut config = config.clone();
    if status_too && let Some(fields) = config.as_object_mut() {
        fields.remove("status");
    }
    let mut entries = live.map(read).unwrap_or_default();
    let mut before = live.cloned().unwrap_or_else(|| json!({}));
    meta_mut(&mut before).remove("managedFields");
    if entries.is_empty() && live.is_some() {
        entries.push(before_first_apply(kind, &before));
    }
    let mut merged = merge(&before, &config, ty);
    let mine = |entry: &Entry| {
        entry.apply && entry.manager == by.manager && entry.subresource == by.subresource
    };
    let mut diff = compare(&before, &merged, ty);
    strip(&mut diff.changed, status_too);
    let claimed = diff.changed.intersection(&wanted);
    let mut conflicts = Vec::new();
    for entry in entries.iter_mut().filter(|entry| !mine(entry)) {
        let theirs = entry.set.intersection(&claimed);
        if !theirs.is_empty() {
            conflicts.push((entry.spoken(), theirs.paths()));
            entry.set = entry.set.difference(&theirs);
        }
    }
    if !conflicts.is_empty() && !force {
        return Err(conflict(&conflicts));
    }
    let last = entries.iter().find(|entry| mine(entry)).cloned();
    entries.retain(|entry| !mine(entry));
    if let Some(last) = &last {
        let mut owned = wanted.clone();
        for entry in &entries {
            owned.union(&entry.set);
        }
        // The object itself is never taken away.
        let mut last_set = last.set.clone();
        last_set.member = false;
        remove_unowned(&mut merged, ty, &last_set, &protected(owned));
    }
    let removed = compare(&before, &merged, ty).removed;
    for entry in &mut entries {
        entry.set = entry.set.without_subtrees(&removed);
    }
    let version = kind.api_version();
    let unchanged = last.as_ref().is_some_and(|last| last.set == wanted && last.version == version);
    entries.push(Entry {
        manager: by.manager.clone(),
        apply: true,
        version,
        subresource: by.subresource.clone(),
        time: if unchanged { last.and_then(|last| last.time) } else { now() },
        set: wanted,
    });
    write(&mut merged, entries);
    Ok(merged)
}

/// Adds the metadata that no apply takes away.
fn protected(mut owned: FieldSet) -> FieldSet {
    owned
        .below
        .entry("f:metadata".into())
        .or_default()
        .below
        .entry("f:name".into())
        .or_insert_with(FieldSet::leaf);
    owned
}

/// Makes the owner of all fields of an object that nobody is known to own: it was made before there
/// were appliers.
fn before_first_apply(kind: &Kind, live: &Value) -> Entry {
    let mut set = extract(live, &kind.schema);
    strip(&mut set, kind.has_status());
    Entry {
        manager: "before-first-apply".into(),
        apply: false,
        version: kind.api_version(),
        subresource: String::new(),
        time: now(),
        set,
    }
}

fn conflict(conflicts: &[(String, Vec<String>)]) -> ApiError {
    let count: usize = conflicts.iter().map(|(_, paths)| paths.len()).sum();
    let causes: Vec<Value> = conflicts
        .iter()
        .flat_map(|(who, paths)| {
            paths.iter().map(move |path| {
                json!({"reason": "FieldManagerConflict", "message": format!("conflict with {who}"), "field": path})
            })
        })
        .collect();
    let message = match conflicts {
        [(who, paths)] if paths.len() == 1 => {
            format!("Apply failed with 1 conflict: conflict with {who}: {}", paths[0])
        }
        _ => {
            let lines: Vec<String> = conflicts
                .iter()
                .flat_map(|(who, paths)| {
                    std::iter::once(format!("conflicts with {who}:"))
                        .chain(paths.iter().map(|path| format!("- {path}")))
                })
                .collect();
            format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
        }
    };
    ApiError::new(StatusCode::CONFLICT, "Conflict", message).with_details(json!({"causes": causes}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::apply::{same_but_ownership, track_update};
    use crate::api::builtin::built_in;
    use std::sync::Arc;

    fn kind(name: &str) -> Arc<Kind> {
        built_in().iter().find(|kind| kind.kind == name).unwrap().clone()
    }

    fn by(manager: &str) -> Tracking {
        Tracking { manager: manager.into(), subresource: String::new() }
    }

    fn deployment(image: &str, replicas: Option<u32>) -> Value {
        let mut value = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
            "spec": {"template": {"spec": {"containers": [
                {"name": "web", "image": image, "ports": [{"containerPort": 80}]}]}}}});
        if let Some(replicas) = replicas {
            value["spec"]["replicas"] = json!(replicas);
        }
        value
    }

    #[test]
    fn applying_twice_changes_nothing_and_fields_left_out_go() {
        let kind = kind("Deployment");
        let one = apply(&kind, None, &deployment("a:1", Some(3)), &by("infra"), false).unwrap();
        let fields = &one["metadata"]["managedFields"][0]["fieldsV1"];
        assert_eq!(
            fields["f:spec"]["f:template"]["f:spec"]["f:containers"],
            json!({
            "k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:image": {},
                "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}})
        );
        let two =
            apply(&kind, Some(&one), &deployment("a:1", Some(3)), &by("infra"), false).unwrap();
        assert!(same_but_ownership(&one, &two));
        let three =
            apply(&kind, Some(&two), &deployment("a:1", None), &by("infra"), false).unwrap();
        assert_eq!(three["spec"].get("replicas"), None);
        assert_eq!(three["metadata"]["name"], "a");
    }

    #[test]
    fn a_struct_goes_with_its_defaults() {
        let kind = kind("Deployment");
        let mut with = deployment("a:1", None);
        with["spec"]["template"]["spec"]["containers"][0]["livenessProbe"] =
            json!({"httpGet": {"path": "/", "port": 80}});
        let mut live = apply(&kind, None, &with, &by("infra"), false).unwrap();
        live["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["timeoutSeconds"] =
            json!(1);
        live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] =
            json!("IfNotPresent");
        let out = apply(&kind, Some(&live), &deployment("a:1", None), &by("infra"), false).unwrap();
        let container = &out["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container.get("livenessProbe"), None);
        assert_eq!(container["imagePullPolicy"], "IfNotPresent");
    }

    #[test]
    fn changing_what_another_owns_is_a_conflict_unless_forced() {
        let kind = kind("Deployment");
        let one = apply(&kind, None, &deployment("a:1", Some(3)), &by("infra"), false).unwrap();
        let refused =
            apply(&kind, Some(&one), &deployment("a:2", Some(3)), &by("other"), false).unwrap_err();
        assert_eq!(
            refused.message,
            "Apply failed with 1 conflict: conflict with \"infra\": .spec.template.spec.containers[name=\"web\"].image"
        );
        let forced =
            apply(&kind, Some(&one), &deployment("a:2", Some(3)), &by("other"), true).unwrap();
        assert_eq!(forced["spec"]["template"]["spec"]["containers"][0]["image"], "a:2");
        // The same value is shared: leaving it out by one keeps it for the other.
        let left =
            apply(&kind, Some(&forced), &deployment("a:2", None), &by("other"), false).unwrap();
        assert_eq!(left["spec"]["replicas"], 3);
    }

    #[test]
    fn an_update_takes_over_what_it_changes() {
        let kind = kind("Deployment");
        let one = apply(&kind, None, &deployment("a:1", Some(3)), &by("infra"), false).unwrap();
        let mut scaled = one.clone();
        scaled["spec"]["replicas"] = json!(5);
        track_update(&kind, Some(&one), &mut scaled, &by("kubectl"));
        let refused = apply(&kind, Some(&scaled), &deployment("a:1", Some(3)), &by("infra"), false)
            .unwrap_err();
        assert!(
            refused.message.starts_with(
                "Apply failed with 1 conflict: conflict with \"kubectl\" using apps/v1 at "
            ),
            "{}",
            refused.message
        );
        assert!(refused.message.ends_with(": .spec.replicas"));
        let left =
            apply(&kind, Some(&scaled), &deployment("a:1", None), &by("infra"), false).unwrap();
        assert_eq!(left["spec"]["replicas"], 5);
    }
}
