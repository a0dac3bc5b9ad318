//! Decides if an apply would change nothing, from the live object, without a call.
//!
//! The API server keeps for each field manager which fields it owns (`metadata.managedFields`). An
//! apply changes nothing when the fields that are declared are exactly those that are owned, and
//! all have the declared values. Where the answer is not certain (a value that the API server
//! writes in another form, a list whose items cannot be distinguished) it is no, and a call finds out.

use serde_json::{Map, Value};

use super::{FIELD_MANAGER, Object};

/// What an API server takes out of a manager's fields.
const NEVER_OWNED: [&str; 2] = ["apiVersion", "kind"];
const NEVER_OWNED_METADATA: [&str; 2] = ["name", "namespace"];

/// Returns true if applying `object` to `live` would change nothing for certain.
pub(super) fn is_settled(object: &Object, live: &Value) -> bool {
    if live.pointer("/metadata/deletionTimestamp").is_some() {
        return false;
    }
    let (Some(owned), Some(declared), Some(live)) =
        (owned(object, live), object.value.as_object(), live.as_object())
    else {
        return false;
    };
    let mut declared = declared.clone();
    NEVER_OWNED.iter().for_each(|key| drop(declared.remove(*key)));
    if let Some(Value::Object(metadata)) = declared.get_mut("metadata") {
        NEVER_OWNED_METADATA.iter().for_each(|key| drop(metadata.remove(*key)));
    }
    is_same_map(&declared, live, owned)
}

/// Returns the fields that our last apply left us with.
fn owned<'a>(object: &Object, live: &'a Value) -> Option<&'a Map<String, Value>> {
    let managers = live.pointer("/metadata/managedFields")?.as_array()?;
    let text = |entry: &'a Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or("");
    let ours = managers.iter().find(|entry| {
        text(entry, "manager") == FIELD_MANAGER
            && text(entry, "operation") == "Apply"
            && text(entry, "subresource").is_empty()
    })?;
    (text(ours, "apiVersion") == object.api_version).then_some(())?;
    ours.get("fieldsV1")?.as_object()
}

/// Iterates over the keys of an owned set without the mark of the thing itself.
fn keys(owned: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    owned.iter().filter(|(key, _)| *key != ".").map(|(key, value)| (key.as_str(), value))
}

fn is_same(declared: &Value, live: &Value, owned: &Value) -> bool {
    let Some(owned) = owned.as_object() else { return false };
    match keys(owned).next().map(|(key, _)| key.get(..2)) {
        None => declared == live,
        Some(Some("f:")) => match (declared, live) {
            (Value::Object(declared), Value::Object(live)) => is_same_map(declared, live, owned),
            _ => false,
        },
        Some(Some("k:")) => match (declared, live) {
            (Value::Array(declared), Value::Array(live)) => is_same_list(declared, live, owned),
            _ => false,
        },
        Some(Some("v:")) => match (declared, live) {
            (Value::Array(declared), Value::Array(live)) => is_same_set(declared, live, owned),
            _ => false,
        },
        Some(_) => false,
    }
}

fn is_same_map(
    declared: &Map<String, Value>,
    live: &Map<String, Value>,
    owned: &Map<String, Value>,
) -> bool {
    keys(owned).count() == declared.len()
        && keys(owned).all(|(key, below)| {
            let Some(key) = key.strip_prefix("f:") else { return false };
            match (declared.get(key), live.get(key)) {
                (Some(declared), Some(live)) => is_same(declared, live, below),
                _ => false,
            }
        })
}

/// Compares a list whose items are identified by keys. A key that is not declared has its default;
/// then only one item may fit.
fn is_same_list(declared: &[Value], live: &[Value], owned: &Map<String, Value>) -> bool {
    let mut pairs = Vec::new();
    for (key, below) in keys(owned) {
        let Some(Ok(Value::Object(key))) = key.strip_prefix("k:").map(serde_json::from_str) else {
            return false;
        };
        let fits = |item: &&Value| key.iter().all(|(k, v)| item.get(k).is_none_or(|own| own == v));
        let is = |item: &Value| key.iter().all(|(k, v)| item.get(k) == Some(v));
        let mut fitting = declared.iter().enumerate().filter(|(_, item)| fits(item));
        let (Some((place, item)), None) = (fitting.next(), fitting.next()) else { return false };
        let Some(there) = live.iter().position(is) else { return false };
        if !is_same(item, &live[there], below) {
            return false;
        }
        pairs.push((place, there));
    }
    pairs.len() == declared.len() && is_in_order(pairs)
}

/// Compares a list that is a set of values.
fn is_same_set(declared: &[Value], live: &[Value], owned: &Map<String, Value>) -> bool {
    let mut pairs = Vec::new();
    for (key, _) in keys(owned) {
        let Some(Ok(value)) = key.strip_prefix("v:").map(serde_json::from_str::<Value>) else {
            return false;
        };
        let at = |items: &[Value]| items.iter().position(|item| *item == value);
        let (Some(place), Some(there)) = (at(declared), at(live)) else { return false };
        pairs.push((place, there));
    }
    pairs.len() == declared.len() && is_in_order(pairs)
}

fn is_in_order(mut pairs: Vec<(usize, usize)>) -> bool {
    pairs.sort_unstable();
    pairs.windows(2).all(|two| two[0].0 != two[1].0 && two[0].1 < two[1].1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{ObjectId, Origin};

    fn object(spec: Value) -> Object {
        Object {
            id: ObjectId {
                group: String::new(),
                kind: "Service".to_owned(),
                namespace: Some("a".to_owned()),
                name: "web".to_owned(),
            },
            api_version: "v1".to_owned(),
            value: json!({ "apiVersion": "v1", "kind": "Service",
                "metadata": { "name": "web", "namespace": "a" }, "spec": spec }),
            origin: Origin::new("a.yaml", 1),
        }
    }

    fn live(ports: Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "web", "namespace": "a", "managedFields": [{
                "manager": "infra", "operation": "Apply", "apiVersion": "v1",
                "fieldsV1": {
                    "f:metadata": {},
                    "f:spec": {
                        "f:ports": {
                            "k:{\"port\":80,\"protocol\":\"TCP\"}": { ".": {}, "f:port": {}, "f:name": {} }
                        },
                        "f:selector": {}
                    }
                }
            }] },
            "spec": { "ports": ports, "selector": { "app": "web" }, "type": "ClusterIP" },
        })
    }

    /// Judges an object whose `metadata` has no declared fields left; the real server leaves it out
    /// then.
    fn settled(spec: Value, mut live: Value) -> bool {
        live["metadata"]["managedFields"][0]["fieldsV1"]
            .as_object_mut()
            .unwrap()
            .remove("f:metadata");
        let mut object = object(spec);
        object.value["metadata"]["labels"] = json!({ "a": "b" });
        live["metadata"]["labels"] = json!({ "a": "b" });
        live["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"] =
            json!({ "f:labels": { "f:a": {} } });
        is_settled(&object, &live)
    }

    #[test]
    fn the_same_is_settled_and_any_difference_is_not() {
        let there =
            || live(json!([{ "name": "http", "port": 80, "protocol": "TCP", "targetPort": 80 }]));
        let spec =
            json!({ "ports": [{ "name": "http", "port": 80 }], "selector": { "app": "web" } });
        assert!(settled(spec.clone(), there()));
        let other = |path: &str, value: Value| {
            let mut spec = spec.clone();
            *spec.pointer_mut(path).unwrap() = value;
            settled(spec, there())
        };
        assert!(!other("/selector", json!({ "app": "other" })), "another value");
        assert!(!other("/ports/0/name", json!("https")), "another value in a list");
        assert!(!other("/ports", json!([])), "what is owned is declared no longer");
        let more = json!([{ "name": "http", "port": 80, "targetPort": 80 }]);
        assert!(!other("/ports", more), "what is declared is not owned, though it has that value");
        let two = json!([{ "name": "http", "port": 80 }, { "name": "b", "port": 81 }]);
        assert!(!other("/ports", two), "an item more");
        let mut going = there();
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert!(!settled(spec.clone(), going));
        let mut theirs = there();
        theirs["metadata"]["managedFields"][0]["manager"] = json!("kubectl");
        assert!(!settled(spec, theirs));
    }
}
