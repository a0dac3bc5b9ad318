//! An overlay's object over the base's.
//!
//! Maps are merged key by key and `null` takes a key out. Lists whose items carry a known key are
//! merged by it, as Kubernetes' strategic merge does; other lists are replaced. `$patch: delete`
//! and `$patch: replace` work as there.

use serde_json::{Map, Value};

/// Merges `patch` over `base`.
pub(super) fn merge(base: &mut Value, patch: &Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => merge_map(base, patch),
        (base, patch) => *base = stripped(patch),
    }
}

fn merge_map(base: &mut Map<String, Value>, patch: &Map<String, Value>) {
    if patch.get("$patch").and_then(Value::as_str) == Some("replace") {
        base.clear();
    }
    for (key, value) in patch {
        if key == "$patch" {
            continue;
        }
        if value.is_null() || directive(value) == Some("delete") {
            base.remove(key);
            continue;
        }
        match (base.get_mut(key), value) {
            (Some(Value::Array(items)), Value::Array(changes)) => merge_list(key, items, changes),
            (Some(old), new) => merge(old, new),
            (None, new) => {
                base.insert(key.clone(), stripped(new));
            }
        }
    }
}

fn merge_list(list: &str, items: &mut Vec<Value>, changes: &[Value]) {
    let Some(key) = merge_key(list, items, changes) else {
        *items = changes.iter().filter(|c| directive(c).is_none()).map(stripped).collect();
        return;
    };
    for change in changes {
        let same = |item: &Value| item.get(key) == change.get(key);
        match (items.iter().position(same), directive(change)) {
            (Some(at), Some("delete")) => {
                items.remove(at);
            }
            (Some(at), _) => merge(&mut items[at], change),
            (None, Some("delete")) => {}
            (None, _) => items.push(stripped(change)),
        }
    }
}

/// Returns the key that distinguishes the items of a list, if every item has it.
fn merge_key(list: &str, items: &[Value], changes: &[Value]) -> Option<&'static str> {
    let keys: &[&str] = match list {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "secrets" => &["name"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "ports" => &["containerPort", "port"],
        "hostAliases" => &["ip"],
        "topologySpreadConstraints" => &["topologyKey"],
        _ => return None,
    };
    let all_have = |key: &str| items.iter().chain(changes).all(|item| item.get(key).is_some());
    keys.iter().copied().find(|key| all_have(key))
}

fn directive(value: &Value) -> Option<&str> {
    value.get("$patch")?.as_str()
}

/// Removes directives and nulls, for what is added as it stands.
fn stripped(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, value)| *key != "$patch" && !value.is_null())
            .map(|(key, value)| (key.clone(), stripped(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(stripped).collect(),
        other => other.clone(),
    }
}
