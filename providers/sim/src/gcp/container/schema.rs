//! The messages of GKE's API, from its discovery document: what fields they have, and how each is
//! written.
//!
//! Types are written shortly: `s` text, `b` boolean, `i` 32-bit number, `l` 64-bit number, `d`
//! fraction, `*` anything, `e:NAME` an enum, `[]T` a list, `{}T` a map, else a message. A `?` before a
//! type stands for a field whose presence counts, so that its default is written, too.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::gcp::http::Refusal;

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../data/gke-schema.json")).unwrap_or_else(|e| {
        tracing::error!("the schema of GKE's API is broken: {e}");
        Schema::default()
    })
});

#[derive(Default, Deserialize)]
struct Schema {
    enums: BTreeMap<String, BTreeMap<String, i64>>,
    messages: BTreeMap<String, BTreeMap<String, String>>,
}

struct Violation {
    path: String,
    text: String,
}

/// Reads a request of this message. What it returns has names for enums and texts for 64-bit numbers,
/// as answers have.
///
/// # Errors
/// Returns a refusal that names each field that is unknown or of a wrong type.
pub fn read(message: &str, body: &[u8]) -> Result<Value, Refusal> {
    let body = if body.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(body).map_err(|e| {
            Refusal::bad("parseError", format!("Invalid JSON payload received. {e}"))
        })?
    };
    let mut wrong = Vec::new();
    let body = take_message(message, body, "", &mut wrong);
    if wrong.is_empty() {
        return Ok(body);
    }
    let text = wrong.iter().map(|v| v.text.as_str()).collect::<Vec<_>>().join("\n");
    let violations: Vec<Value> =
        wrong.iter().map(|v| json!({"field": v.path, "description": v.text})).collect();
    Err(Refusal::invalid(text).detail(json!({
        "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations,
    })))
}

fn take_message(message: &str, body: Value, path: &str, wrong: &mut Vec<Violation>) -> Value {
    let Value::Object(given) = body else {
        wrong.push(invalid(path, message, &body));
        return Value::Null;
    };
    let fields = SCHEMA.messages.get(message);
    let mut kept = Map::new();
    for (name, value) in given {
        // proto3's JSON names fields in either way.
        let camel = camel(&name);
        let known = fields.and_then(|f| f.get_key_value(&name).or_else(|| f.get_key_value(&camel)));
        let Some((name, kind)) = known else {
            let place = if path.is_empty() { String::new() } else { format!(" at '{path}'") };
            let text = format!(
                "Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field."
            );
            wrong.push(Violation { path: path.to_owned(), text });
            continue;
        };
        if value.is_null() {
            continue;
        }
        let here = if path.is_empty() { snake(name) } else { format!("{path}.{}", snake(name)) };
        kept.insert(name.clone(), take(kind, value, &here, wrong));
    }
    Value::Object(kept)
}

fn take(kind: &str, value: Value, path: &str, wrong: &mut Vec<Violation>) -> Value {
    let kind = kind.trim_start_matches('?');
    let taken = match (kind, &value) {
        ("*", _) | ("s", Value::String(_)) | ("b", Value::Bool(_)) => Some(value.clone()),
        ("d", Value::Number(_)) => Some(value.clone()),
        ("i", Value::Number(n)) => {
            n.as_i64().filter(|n| i32::try_from(*n).is_ok()).map(|n| json!(n))
        }
        ("i", Value::String(text)) => text.parse::<i32>().ok().map(|n| json!(n)),
        ("l", Value::Number(n)) => n.as_i64().map(|n| json!(n.to_string())),
        ("l", Value::String(text)) => text.parse::<i64>().ok().map(|n| json!(n.to_string())),
        _ => None,
    };
    if let Some(taken) = taken {
        return taken;
    }
    if let (Some(item), Value::Array(items)) = (kind.strip_prefix("[]"), &value) {
        let items = items.iter().enumerate();
        return items.map(|(i, v)| take(item, v.clone(), &format!("{path}[{i}]"), wrong)).collect();
    }
    if let (Some(item), Value::Object(map)) = (kind.strip_prefix("{}"), &value) {
        let taken = map
            .iter()
            .map(|(k, v)| (k.clone(), take(item, v.clone(), &format!("{path}[{k}]"), wrong)));
        return Value::Object(taken.collect());
    }
    if let Some(named) = kind.strip_prefix("e:") {
        return match enum_name(named, &value) {
            Some(name) => json!(name),
            None => {
                wrong.push(invalid(path, "TYPE_ENUM", &value));
                Value::Null
            }
        };
    }
    if SCHEMA.messages.contains_key(kind) {
        return take_message(kind, value, path, wrong);
    }
    let expected = match kind {
        "s" => "TYPE_STRING",
        "b" => "TYPE_BOOL",
        "i" => "TYPE_INT32",
        "l" => "TYPE_INT64",
        "d" => "TYPE_DOUBLE",
        _ => "list",
    };
    wrong.push(invalid(path, expected, &value));
    Value::Null
}

fn enum_name<'a>(named: &str, value: &'a Value) -> Option<&'a str> {
    let names = SCHEMA.enums.get(named)?;
    match value {
        Value::String(text) => names.contains_key(text).then_some(text.as_str()),
        Value::Number(n) => {
            let number = n.as_i64()?;
            names.iter().find(|(_, known)| **known == number).map(|(name, _)| name.as_str())
        }
        _ => None,
    }
}

fn invalid(path: &str, kind: &str, value: &Value) -> Violation {
    Violation {
        path: path.to_owned(),
        text: format!("Invalid value at '{path}' ({kind}), {value}"),
    }
}

/// Writes an answer of this message: proto3's defaults are left out, and enums are numbers if the
/// caller wants that.
pub fn show(message: &str, value: Value, numbers: bool) -> Value {
    let Value::Object(given) = value else { return value };
    let fields = SCHEMA.messages.get(message);
    let shown = given.into_iter().filter_map(|(name, value)| {
        let kind = fields?.get(&name)?;
        Some((name, show_field(kind, value, numbers)?))
    });
    Value::Object(shown.collect())
}

/// Returns nothing for a default that is not written.
fn show_field(kind: &str, value: Value, numbers: bool) -> Option<Value> {
    if value.is_null() {
        return None;
    }
    if let Some(kind) = kind.strip_prefix('?') {
        return Some(show_value(kind, value, numbers));
    }
    let is_default = match &value {
        Value::Bool(flag) => !flag,
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::String(text) => {
            text.is_empty()
                || (kind == "l" && text == "0")
                || kind.strip_prefix("e:").is_some_and(|named| number_of(named, text) == Some(0))
        }
        Value::Array(items) => items.is_empty(),
        // An empty message is written, an empty map is not.
        Value::Object(map) => map.is_empty() && kind.starts_with("{}"),
        Value::Null => true,
    };
    (!is_default).then(|| show_value(kind, value, numbers))
}

fn show_value(kind: &str, value: Value, numbers: bool) -> Value {
    match value {
        Value::Array(items) => {
            let item = kind.strip_prefix("[]").unwrap_or("*");
            items.into_iter().map(|v| show_value(item, v, numbers)).collect()
        }
        Value::Object(map) => match kind.strip_prefix("{}") {
            Some(item) => Value::Object(
                map.into_iter().map(|(k, v)| (k, show_value(item, v, numbers))).collect(),
            ),
            None if kind == "*" => Value::Object(map),
            None => show(kind, Value::Object(map), numbers),
        },
        Value::String(text) => match kind.strip_prefix("e:").filter(|_| numbers) {
            Some(named) => number_of(named, &text).map_or(Value::String(text), |n| json!(n)),
            None => Value::String(text),
        },
        other => other,
    }
}

fn number_of(named: &str, name: &str) -> Option<i64> {
    SCHEMA.enums.get(named)?.get(name).copied()
}

/// Spells a name as Google's messages do.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn camel(name: &str) -> String {
    let mut out = String::new();
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enums_are_read_as_names_or_numbers_and_written_as_asked_for() {
        let body = json!({"nodePool": {"name": "p", "config": {"diskSizeGb": 30,
            "taints": [{"key": "k", "effect": 1}]}}});
        let read = read("CreateNodePoolRequest", body.to_string().as_bytes()).unwrap();
        assert_eq!(read["nodePool"]["config"]["taints"][0]["effect"], "NO_SCHEDULE");
        let pool = read["nodePool"].clone();
        assert_eq!(show("NodePool", pool.clone(), true)["config"]["taints"][0]["effect"], 1);
        assert_eq!(show("NodePool", pool.clone(), false), pool);
    }

    #[test]
    fn unknown_names_are_refused_with_their_place() {
        let body = br#"{"cluster": {"nodePools": [{"nam": "x"}], "network": 3}}"#;
        let refusal = read("CreateClusterRequest", body).unwrap_err();
        let lines: Vec<&str> = refusal.message.lines().collect();
        assert!(lines.contains(
            &"Invalid JSON payload received. Unknown name \"nam\" at 'cluster.node_pools[0]': Cannot find field."
        ));
        assert!(lines.contains(&"Invalid value at 'cluster.network' (TYPE_STRING), 3"));
    }

    #[test]
    fn defaults_are_not_written_but_where_presence_counts() {
        let pool = json!({"management": {"autoRepair": false}, "initialNodeCount": 0, "locations": [],
            "config": {"spot": false, "labels": {}, "kubeletConfig":
                {"insecureKubeletReadonlyPortEnabled": false}}});
        assert_eq!(
            show("NodePool", pool, false),
            json!({"management": {}, "config": {"kubeletConfig":
                {"insecureKubeletReadonlyPortEnabled": false}}})
        );
    }
}
