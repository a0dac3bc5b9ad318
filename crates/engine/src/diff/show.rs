//! A value as text, with references and secrets masked.

use infra_provider_api::SECRET_KEY;
use serde_json::Value;

/// Returns true if `value` stands for a secret.
pub fn is_secret(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| fields.len() == 1 && fields.contains_key(SECRET_KEY))
}

/// Writes `value` on one line: strings quoted, secrets `(sensitive)`, references `(known after
/// apply)`.
pub fn show(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    if is_secret(value) {
        text.push_str("(sensitive)");
        return;
    }
    match value {
        Value::Object(fields) if fields.len() == 2 && fields.contains_key("$ref") => {
            text.push_str("(known after apply)");
        }
        Value::Object(fields) => {
            text.push('{');
            for (place, (name, field)) in fields.iter().enumerate() {
                if place > 0 {
                    text.push_str(", ");
                }
                text.push_str(name);
                text.push_str(": ");
                write(field, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push_str(", ");
                }
                write(item, text);
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn markers_are_masked_at_any_depth() {
        let value =
            json!({"a": [{"$secret": "00ff"}, 1], "b": {"$ref": "vpc.main", "field": "id"}});
        assert_eq!(show(&value), "{a: [(sensitive), 1], b: (known after apply)}");
    }
}
