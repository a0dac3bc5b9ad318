//! Objects as rows of a table, with the columns `kubectl get` shows.

mod age;
mod cluster;
mod config;
mod custom;
mod network;
mod pod;
mod storage;
mod workload;

use serde_json::{Value, json};

use super::kind::Kind;

/// A column: its name, and whether only the wide form shows it.
pub(super) type Column = (&'static str, bool);

/// How a kind is shown.
pub(super) struct View {
    pub(super) columns: &'static [Column],
    pub(super) row: fn(&Value) -> Vec<Value>,
}

/// These objects as a Table. `columns` is false for all but the first table of a watch.
pub(crate) fn of(kind: &Kind, objects: &[Value], include: Option<&str>, columns: bool) -> Value {
    let view = view(kind);
    let extra = custom::columns(kind);
    let definitions: Vec<Value> = if !columns {
        Vec::new()
    } else if let Some(view) = &view {
        view.columns.iter().map(|(name, wide)| definition(name, *wide)).collect()
    } else {
        let mut all = vec![definition("Name", false)];
        all.extend(extra.iter().map(custom::Column::definition));
        all
    };
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells = match &view {
                Some(view) => (view.row)(object),
                None => {
                    let mut cells = vec![object["metadata"]["name"].clone()];
                    cells.extend(extra.iter().map(|column| column.cell(object)));
                    cells
                }
            };
            let mut row = json!({"cells": cells});
            match include {
                Some("None") => {}
                Some("Object") => row["object"] = object.clone(),
                _ => {
                    row["object"] = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]});
                }
            }
            row
        })
        .collect();
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": definitions, "rows": rows})
}

fn definition(name: &str, wide: bool) -> Value {
    json!({"name": name, "type": "string", "format": if name == "Name" { "name" } else { "" },
        "description": "", "priority": i32::from(wide)})
}

fn view(kind: &Kind) -> Option<View> {
    let plural = kind.plural.as_str();
    if kind.custom.is_some() {
        return None;
    }
    match kind.group.as_str() {
        "" if plural == "pods" => Some(pod::VIEW),
        "" => config::view(plural)
            .or_else(|| cluster::view(plural))
            .or_else(|| network::view("", plural))
            .or_else(|| storage::view(plural))
            .or_else(|| workload::view(plural)),
        "apps" | "batch" | "policy" | "autoscaling" => workload::view(plural),
        "networking.k8s.io" | "discovery.k8s.io" => network::view(&kind.group, plural),
        "storage.k8s.io" => storage::view(plural),
        "events.k8s.io" => config::view(plural),
        _ => cluster::view(plural),
    }
}

pub(super) fn name(object: &Value) -> Value {
    object["metadata"]["name"].clone()
}

pub(super) fn age_of(object: &Value) -> Value {
    age::since(&object["metadata"]["creationTimestamp"])
}

pub(super) fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// A text, or what stands for none.
pub(super) fn or(value: &Value, none: &str) -> Value {
    match value {
        Value::String(text) if !text.is_empty() => json!(text),
        Value::Null | Value::String(_) => json!(none),
        other => json!(other.to_string()),
    }
}

/// `a=b,c=d`, or `<none>`.
pub(super) fn pairs(map: &Value) -> Value {
    let list: Vec<String> = map
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if list.is_empty() { json!("<none>") } else { json!(list.join(",")) }
}

/// A label selector as kubectl writes it.
pub(super) fn selector(selector: &Value) -> Value {
    let mut parts: Vec<String> = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let values: Vec<&str> = expression["values"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        parts.push(match expression["operator"].as_str() {
            Some("In") => format!("{key} in ({})", values.join(",")),
            Some("NotIn") => format!("{key} notin ({})", values.join(",")),
            Some("Exists") => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    if parts.is_empty() { json!("<none>") } else { json!(parts.join(",")) }
}

/// Names, or images, of a template's containers.
pub(super) fn containers(spec: &Value, field: &str) -> Value {
    let list: Vec<&str> = spec["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|container| container[field].as_str())
        .collect();
    json!(list.join(","))
}
