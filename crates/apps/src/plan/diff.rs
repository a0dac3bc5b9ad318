//! The fields that differ between what is there and what a dry run gives.

use serde_json::{Map, Value};

use super::FieldChange;

/// What the API server keeps by itself.
const KEPT_BY_SERVER: [&str; 6] =
    ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"];

/// Returns the fields that differ. A Secret's values are masked: they show if there is one, but not
/// its content.
pub(crate) fn fields(before: &Value, after: &Value, secret: bool) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare("", Some(&bare(before)), Some(&bare(after)), &mut found);
    if secret {
        for change in found
            .iter_mut()
            .filter(|c| c.path.starts_with("data") || c.path.starts_with("stringData"))
        {
            let masked = |value: &Option<Value>| value.as_ref().map(|_| Value::from("(secret)"));
            change.before = masked(&change.before);
            change.after = masked(&change.after);
            change.secret = true;
        }
    }
    found
}

fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            KEPT_BY_SERVER.iter().for_each(|key| drop(metadata.remove(*key)));
        }
    }
    object
}

fn compare(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<FieldChange>,
) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            maps(path, before, after, found);
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            lists(path, before, after, found);
        }
        // Places in a Secret's data must come one by one, or a whole map would be shown.
        (None, Some(Value::Object(after))) if path == "data" => {
            maps(path, &Map::new(), after, found);
        }
        (Some(Value::Object(before)), None) if path == "data" => {
            maps(path, before, &Map::new(), found);
        }
        (before, after) => found.push(FieldChange {
            path: path.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
            secret: false,
        }),
    }
}

fn maps(
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    found: &mut Vec<FieldChange>,
) {
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        compare(&joined(path, key), before.get(key), after.get(key), found);
    }
}

fn joined(path: &str, key: &str) -> String {
    match (path, key.contains(['.', '/'])) {
        ("", _) => key.to_owned(),
        (path, true) => format!("{path}[{key}]"),
        (path, false) => format!("{path}.{key}"),
    }
}

/// Items are matched by `name` where all have one, else by place.
fn lists(path: &str, before: &[Value], after: &[Value], found: &mut Vec<FieldChange>) {
    let name = |item: &Value| item.get("name").and_then(Value::as_str).map(ToOwned::to_owned);
    let names = |items: &[Value]| items.iter().map(name).collect::<Option<Vec<String>>>();
    if let (Some(old), Some(new)) = (names(before), names(after)) {
        let mut all: Vec<&String> = old.iter().chain(&new).collect();
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|name| seen.insert(*name));
        for name in all {
            let at = |names: &[String], items: &[Value]| {
                names.iter().position(|n| n == name).map(|place| items[place].clone())
            };
            compare(
                &format!("{path}[{name}]"),
                at(&old, before).as_ref(),
                at(&new, after).as_ref(),
                found,
            );
        }
        return;
    }
    for place in 0..before.len().max(after.len()) {
        compare(&format!("{path}[{place}]"), before.get(place), after.get(place), found);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(before: Value, after: Value) -> Vec<String> {
        fields(&before, &after, false).into_iter().map(|c| c.path).collect()
    }

    #[test]
    fn names_the_container_and_ignores_what_the_server_keeps() {
        let object = |image: &str, version: &str| {
            json!({
                "metadata": { "name": "a", "resourceVersion": version, "managedFields": [version] },
                "spec": { "containers": [{ "name": "api", "image": image }, { "name": "log", "image": "l:1" }] },
                "status": { "seen": version },
            })
        };
        assert_eq!(paths(object("a:1", "1"), object("a:2", "2")), ["spec.containers[api].image"]);
        assert!(paths(object("a:1", "1"), object("a:1", "2")).is_empty());
    }

    #[test]
    fn lists_without_names_go_by_place() {
        assert_eq!(
            paths(json!({ "args": ["a", "b"] }), json!({ "args": ["a", "c", "d"] })),
            ["args[1]", "args[2]"]
        );
    }

    #[test]
    fn a_secret_shows_places_and_no_values() {
        let changes = fields(
            &json!({ "type": "Opaque" }),
            &json!({ "type": "Opaque", "data": { "k": "c2VjcmV0" } }),
            true,
        );
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].path, "data.k");
        assert!(changes[0].secret && changes[0].before.is_none());
        assert_eq!(changes[0].after, Some(json!("(secret)")));
        assert!(!serde_json::to_string(&changes).unwrap().contains("c2VjcmV0"));
    }
}
