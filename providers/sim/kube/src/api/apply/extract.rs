use serde_json::{Map, Value};

use super::set::FieldSet;
use crate::schema::{ListKind, Type};

/// Returns the key that tells an item of a list from the others; returns `None` if it lacks its
/// keys.
pub(crate) fn item_key(item: &Value, keys: &[String]) -> Option<String> {
    let mut found = Map::new();
    let mut sorted: Vec<&String> = keys.iter().collect();
    sorted.sort();
    for key in sorted {
        match item.get(key) {
            Some(value) => found.insert(key.clone(), value.clone()),
            // The one key of the built-in kinds that has a default.
            None if key == "protocol" => found.insert(key.clone(), "TCP".into()),
            None => continue,
        };
    }
    if found.is_empty() { None } else { Some(format!("k:{}", Value::Object(found))) }
}

/// Returns true if fields below this value are owned one by one.
pub(super) fn is_granular(value: &Value, ty: &Type) -> bool {
    match value {
        Value::Object(_) => !ty.is_atomic(),
        Value::Array(_) => *ty.list_kind() != ListKind::Atomic,
        _ => false,
    }
}

/// Lists the elements of a granular value: key, child, type of the child.
pub(super) fn elements<'a>(value: &'a Value, ty: &'a Type) -> Vec<(String, &'a Value, &'a Type)> {
    static ANY: Type = Type::Any;
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, child)| (format!("f:{name}"), child, ty.field(name).unwrap_or(&ANY)))
            .collect(),
        Value::Array(items) => match ty.list_kind() {
            ListKind::Keyed(keys) => items
                .iter()
                .filter_map(|item| Some((item_key(item, keys)?, item, ty.item())))
                .collect(),
            ListKind::Set => {
                items.iter().map(|item| (format!("v:{item}"), item, ty.item())).collect()
            }
            ListKind::Atomic => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Collects the fields an object sets.
pub(super) fn extract(value: &Value, ty: &Type) -> FieldSet {
    if !is_granular(value, ty) {
        return FieldSet::leaf();
    }
    let elements = elements(value, ty);
    if elements.is_empty() {
        return FieldSet::leaf();
    }
    let mut set = FieldSet::default();
    for (key, child, child_ty) in elements {
        let mut below = extract(child, child_ty);
        below.member |= key.starts_with("k:") || key.starts_with("v:");
        set.below.insert(key, below);
    }
    set
}

/// Removes metadata nobody owns, and status for kinds that have it as a subresource.
pub(super) fn strip(set: &mut FieldSet, status_too: bool) {
    set.member = false;
    set.below.remove("f:apiVersion");
    set.below.remove("f:kind");
    if status_too {
        set.below.remove("f:status");
    }
    if let Some(meta) = set.below.get_mut("f:metadata") {
        meta.member = false;
        for field in [
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ] {
            meta.below.remove(&format!("f:{field}"));
        }
        if meta.is_empty() {
            set.below.remove("f:metadata");
        }
    }
}
