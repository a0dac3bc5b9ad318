use serde_json::Value;

use super::names;
use crate::api::field_error::{Errors, FieldError};
use crate::api::kind::Kind;

/// Annotations of one object together.
const ANNOTATIONS: usize = 256 * 1024;

/// Checks the metadata of an object that is being created.
pub(super) fn check(kind: &Kind, object: &Value, errors: &mut Errors) {
    let meta = &object["metadata"];
    let name = meta["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        errors.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        let checked = match (kind.group.as_str(), kind.plural.as_str()) {
            ("", "namespaces") => names::label(name),
            ("", "services") => names::label_1035(name),
            ("rbac.authorization.k8s.io", _) => names::path_segment(name),
            ("apps", "statefulsets") => names::label(name),
            _ => names::subdomain(name),
        };
        if let Err(why) = checked {
            errors.push(FieldError::invalid("metadata.name", name, why));
        }
    }
    labels_and_annotations(meta, "metadata", errors);
}

/// Checks the metadata of an object that is being changed.
pub(super) fn check_update(kind: &Kind, old: &Value, new: &Value, errors: &mut Errors) {
    let _ = kind;
    let (was, meta) = (&old["metadata"], &new["metadata"]);
    labels_and_annotations(meta, "metadata", errors);
    if was["deletionTimestamp"].is_string() {
        let before = was["finalizers"].as_array();
        let added: Vec<&Value> = meta["finalizers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|f| before.is_none_or(|list| !list.contains(f)))
            .collect();
        if !added.is_empty() {
            errors.push(FieldError::forbidden(
                "metadata.finalizers",
                format!("no new finalizers can be added if the object is being deleted, found new finalizers {added:?}"),
            ));
        }
    }
}

/// Checks labels, annotations and finalizers, also of a template.
pub(super) fn labels_and_annotations(meta: &Value, path: &str, errors: &mut Errors) {
    labels(&meta["labels"], &format!("{path}.labels"), errors);
    let mut total = 0;
    for (key, value) in meta["annotations"].as_object().into_iter().flatten() {
        if let Err(why) = names::qualified(&key.to_lowercase()) {
            errors.push(FieldError::invalid(format!("{path}.annotations"), key.as_str(), why));
        }
        total += key.len() + value.as_str().map_or(0, str::len);
    }
    if total > ANNOTATIONS {
        errors.push(FieldError::too_long(format!("{path}.annotations"), ANNOTATIONS));
    }
    for (index, finalizer) in meta["finalizers"].as_array().into_iter().flatten().enumerate() {
        let text = finalizer.as_str().unwrap_or_default();
        let known = matches!(text, "kubernetes" | "orphan" | "foregroundDeletion");
        if let Err(why) = names::qualified(text) {
            errors.push(FieldError::invalid(format!("{path}.finalizers[{index}]"), text, why));
        } else if !known && !text.contains('/') {
            errors.push(FieldError::invalid(
                format!("{path}.finalizers[{index}]"),
                text,
                "name is neither a standard finalizer name nor is it fully qualified",
            ));
        }
    }
}

/// Checks a map of labels.
pub(super) fn labels(labels: &Value, path: &str, errors: &mut Errors) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        if let Err(why) = names::qualified(key) {
            errors.push(FieldError::invalid(path, key.as_str(), why));
        }
        let value = value.as_str().unwrap_or_default();
        if let Err(why) = names::label_value(value) {
            errors.push(FieldError::invalid(path, value, why));
        }
    }
}
