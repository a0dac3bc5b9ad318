use serde::Deserialize;
use serde_json::{Value, json};

use super::of;
use crate::api::builtin::built_in;
use crate::api::kind::Kind;

/// Writes an object as a row: each column with its cell, and those of the wide form with a `+`.
fn row(kind: &Kind, object: &Value) -> String {
    let table = of(kind, std::slice::from_ref(object), Some("None"), true);
    let columns = table["columnDefinitions"].as_array().unwrap();
    let cells = table["rows"][0]["cells"].as_array().unwrap();
    assert_eq!(columns.len(), cells.len(), "{}", kind.kind);
    let shown: Vec<String> = columns
        .iter()
        .zip(cells)
        .map(|(column, cell)| {
            let wide = if column["priority"] == 1 { "+" } else { "" };
            format!("{wide}{}={cell}", column["name"].as_str().unwrap())
        })
        .collect();
    format!("{}/{}: {}\n", kind.group, kind.kind, shown.join(" "))
}

#[test]
fn every_kind_has_kubectls_columns() {
    let mut rows = String::new();
    for kind in built_in() {
        rows += &row(kind, &json!({}));
    }
    for document in serde_yaml_ng::Deserializer::from_str(include_str!("samples.yaml")) {
        let object = Value::deserialize(document).unwrap();
        let kind = built_in()
            .iter()
            .find(|kind| object["apiVersion"] == kind.api_version() && object["kind"] == *kind.kind)
            .unwrap_or_else(|| panic!("{object}"));
        rows += &row(kind, &object);
    }
    assert_eq!(rows, include_str!("rows.txt"));
}
