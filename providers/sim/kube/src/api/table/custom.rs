use serde_json::{Value, json};

use super::age;
use crate::api::kind::Kind;

/// A column of `additionalPrinterColumns`.
pub(super) struct Column {
    name: String,
    kind: String,
    path: String,
    priority: i64,
}

impl Column {
    pub(super) fn definition(&self) -> Value {
        let kind = if self.kind == "date" { "string" } else { self.kind.as_str() };
        json!({"name": self.name, "type": kind, "format": "", "description": "", "priority": self.priority})
    }

    pub(super) fn cell(&self, object: &Value) -> Value {
        let found = lookup(object, &self.path);
        match (self.kind.as_str(), found) {
            ("date", Some(value)) => age::since(&value),
            (_, Some(Value::Null) | None) => Value::Null,
            ("string", Some(value)) if !value.is_string() => json!(value.to_string()),
            (_, Some(value)) => value,
        }
    }
}

/// Lists the columns of a kind without a view of its own: its definition's, else the age.
pub(super) fn columns(kind: &Kind) -> Vec<Column> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let own =
        kind.custom.as_ref().and_then(|version| version["additionalPrinterColumns"].as_array());
    match own.filter(|own| !own.is_empty()) {
        Some(own) => own
            .iter()
            .map(|column| Column {
                name: text(&column["name"]),
                kind: text(&column["type"]),
                path: text(&column["jsonPath"]),
                priority: column["priority"].as_i64().unwrap_or(0),
            })
            .collect(),
        None => vec![Column {
            name: "Age".into(),
            kind: "date".into(),
            path: ".metadata.creationTimestamp".into(),
            priority: 0,
        }],
    }
}

/// Looks up the simple JSON paths printer columns use: `.a.b`, `.a[0]`,
/// `.a[?(@.type=="Ready")].status`.
fn lookup(object: &Value, path: &str) -> Option<Value> {
    let mut value = object.clone();
    let mut rest = path.trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[?(@.") {
            let (condition, after) = after.split_once(")]")?;
            let (field, wanted) = condition.split_once("==")?;
            let wanted = wanted.trim().trim_matches(['"', '\'']);
            value = value
                .as_array()?
                .iter()
                .find(|item| item[field.trim()].as_str() == Some(wanted))?
                .clone();
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = after.split_once(']')?;
            value = match index.parse::<usize>() {
                Ok(index) => value.get(index)?.clone(),
                Err(_) => value.get(index.trim_matches(['"', '\'']))?.clone(),
            };
            rest = after;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after
                .char_indices()
                .find(|(at, c)| *c == '[' || (*c == '.' && !after[..*at].ends_with('\\')))
                .map_or(after.len(), |(at, _)| at);
            let field = after[..end].replace("\\.", ".");
            value = value.get(&field)?.clone();
            rest = &after[end..];
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::lookup;
    use serde_json::json;

    #[test]
    fn printer_columns_find_their_values() {
        let object = json!({"spec": {"a": [{"b": 1}]}, "metadata": {"labels": {"x.y/z": "v"}},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        assert_eq!(lookup(&object, ".spec.a[0].b"), Some(json!(1)));
        assert_eq!(
            lookup(&object, ".status.conditions[?(@.type==\"Ready\")].status"),
            Some(json!("True"))
        );
        assert_eq!(lookup(&object, ".metadata.labels.x\\.y/z"), Some(json!("v")));
        assert_eq!(lookup(&object, ".spec.none"), None);
    }
}
