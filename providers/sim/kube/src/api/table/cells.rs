//! Cells: how values are written in a table.

use serde_json::{Value, json};

/// Returns a number, 0 if it is missing.
pub(super) fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// Returns a text, `""` if it is missing.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Returns the items of a list; there are none if it is missing.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Returns how many entries a list or a map has.
pub(super) fn count(value: &Value) -> usize {
    value.as_object().map_or_else(|| list(value).len(), serde_json::Map::len)
}

/// Returns true if an object has a condition of this type, with any status.
pub(super) fn has_condition(object: &Value, kind: &str) -> bool {
    list(&object["status"]["conditions"]).iter().any(|condition| condition["type"] == kind)
}

/// Writes two numbers as `1/3`.
pub(super) fn ratio(part: &Value, of: &Value) -> Value {
    json!(format!("{}/{}", number(part), number(of)))
}

/// Writes the kind and the name of a reference as `Deployment/web`.
pub(super) fn reference(to: &Value) -> Value {
    json!(format!("{}/{}", text(&to["kind"]), text(&to["name"])))
}

/// Returns a text, or `none` if there is none.
pub(super) fn or(value: &Value, none: &str) -> Value {
    match value {
        Value::String(text) if !text.is_empty() => json!(text),
        Value::Null | Value::String(_) => json!(none),
        other => json!(other.to_string()),
    }
}

/// Writes a map as `a=b,c=d`, or `<none>`.
pub(super) fn pairs(map: &Value) -> Value {
    joined_or_none(&entries(map))
}

/// Writes a label selector as kubectl does.
pub(super) fn selector(selector: &Value) -> Value {
    let mut parts = entries(&selector["matchLabels"]);
    for expression in list(&selector["matchExpressions"]) {
        let key = text(&expression["key"]);
        let values: Vec<&str> =
            list(&expression["values"]).iter().filter_map(Value::as_str).collect();
        parts.push(match expression["operator"].as_str() {
            Some("In") => format!("{key} in ({})", values.join(",")),
            Some("NotIn") => format!("{key} notin ({})", values.join(",")),
            Some("Exists") => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    joined_or_none(&parts)
}

/// Lists the names, or the images, of a pod's containers.
pub(super) fn containers(spec: &Value, field: &str) -> Value {
    let all: Vec<&str> = list(&spec["containers"])
        .iter()
        .filter_map(|container| container[field].as_str())
        .collect();
    json!(all.join(","))
}

/// Writes the first three of a list, and how many more there are.
pub(super) fn few(all: &[String], none: &str) -> Value {
    const MOST: usize = 3;
    if all.is_empty() {
        return json!(none);
    }
    let shown = all[..all.len().min(MOST)].join(",");
    match all.len().checked_sub(MOST) {
        Some(more) if more > 0 => json!(format!("{shown} + {more} more...")),
        _ => json!(shown),
    }
}

fn entries(map: &Value) -> Vec<String> {
    let all = map.as_object().into_iter().flatten();
    all.map(|(key, value)| format!("{key}={}", text(value))).collect()
}

fn joined_or_none(parts: &[String]) -> Value {
    if parts.is_empty() { json!("<none>") } else { json!(parts.join(",")) }
}
