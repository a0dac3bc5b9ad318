//! Small reads and writes of object metadata.

use serde_json::{Map, Value, json};

use super::resource::Resource;

/// Returns the metadata of an object; it is made if missing.
pub(crate) fn meta_mut(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = json!({});
    }
    if !object.get("metadata").is_some_and(Value::is_object) {
        object["metadata"] = json!({});
    }
    match object.get_mut("metadata") {
        Some(Value::Object(meta)) => meta,
        // Made just above.
        _ => unreachable!("metadata is an object"),
    }
}

pub(crate) fn meta_str<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object.get("metadata")?.get(field)?.as_str()
}

pub(crate) fn name_of(object: &Value) -> &str {
    meta_str(object, "name").unwrap_or_default()
}

pub(crate) fn namespace_of(object: &Value) -> &str {
    meta_str(object, "namespace").unwrap_or_default()
}

pub(crate) fn rv_of(object: &Value) -> Option<u64> {
    meta_str(object, "resourceVersion")?.parse().ok()
}

/// Returns true if something still has to happen before the object may go: its finalizers, and
/// those of a namespace's spec.
pub(crate) fn has_finalizers(object: &Value) -> bool {
    let some = |list: Option<&Value>| {
        list.and_then(Value::as_array).is_some_and(|finalizers| !finalizers.is_empty())
    };
    some(object.get("metadata").and_then(|m| m.get("finalizers")))
        || (object.get("kind").and_then(Value::as_str) == Some("Namespace")
            && some(object.get("spec").and_then(|s| s.get("finalizers"))))
}

pub(crate) fn is_terminating(object: &Value) -> bool {
    meta_str(object, "deletionTimestamp").is_some()
}

/// Returns true for kinds that count generations. In the core group, only kinds whose controllers
/// look at the generation count them.
pub(crate) fn counts_generations(resource: &Resource) -> bool {
    match resource.group.as_str() {
        "" => matches!(resource.plural.as_str(), "pods" | "replicationcontrollers"),
        "rbac.authorization.k8s.io"
        | "storage.k8s.io"
        | "coordination.k8s.io"
        | "discovery.k8s.io"
        | "events.k8s.io"
        | "certificates.k8s.io" => false,
        "networking.k8s.io" => true,
        _ => true,
    }
}

/// Returns true if anything but metadata and status differs: a generation counts these changes.
pub(crate) fn spec_differs(resource: &Resource, old: &Value, new: &Value) -> bool {
    if resource.group.is_empty() {
        return old.get("spec") != new.get("spec");
    }
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
        return old != new;
    };
    let rest = |object: &Map<String, Value>, other: &Map<String, Value>| {
        object
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status" | "apiVersion"))
            .any(|(key, value)| other.get(key) != Some(value))
    };
    rest(old, new) || rest(new, old)
}

/// Writes the time as Kubernetes does: whole seconds, UTC.
pub(crate) fn timestamp(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
