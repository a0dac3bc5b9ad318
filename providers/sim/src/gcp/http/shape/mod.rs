//! The shapes of request bodies: which fields there are, and of what type.
//!
//! A shape is written as text: `name,priority:i,labels:m,nats[](name,type:e<PUBLIC|PRIVATE>)`. A
//! field without a type is a string. `:b` is a boolean, `:i` and `:n` are numbers, `:l` is a 64-bit
//! number, `:m` a map of strings, `:a` anything, `:e<A|B>` an enum whose numbers count from 0. `[]` is a list.

mod read;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Refusal;

/// The shape of a message.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    fields: BTreeMap<String, Field>,
}

#[derive(Debug, Clone)]
struct Field {
    is_list: bool,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Text,
    Bool,
    Number,
    Long,
    Map,
    Any,
    Enum(Vec<String>),
    Message(Shape),
}

struct Violation {
    path: String,
    text: String,
}

impl Shape {
    /// Checks a body and brings it into the form of answers.
    ///
    /// # Errors
    /// Returns a refusal that names each field that is unknown or of a wrong type.
    pub fn check(&self, body: Value) -> Result<Value, Refusal> {
        let mut wrong = Vec::new();
        let body = self.message(body, "", &mut wrong);
        if wrong.is_empty() {
            return Ok(body);
        }
        let message = wrong.iter().map(|v| v.text.as_str()).collect::<Vec<_>>().join("\n");
        let violations: Vec<Value> =
            wrong.iter().map(|v| json!({ "field": v.path, "description": v.text })).collect();
        Err(Refusal::invalid(message).detail(json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": violations,
        })))
    }

    fn message(&self, body: Value, path: &str, wrong: &mut Vec<Violation>) -> Value {
        let Value::Object(given) = body else {
            wrong.push(invalid(path, "message", &body));
            return Value::Null;
        };
        let mut kept = Map::new();
        for (name, value) in given {
            // proto3's JSON names fields in either way.
            let camel = camel(&name);
            let Some((name, field)) =
                self.fields.get_key_value(&name).or_else(|| self.fields.get_key_value(&camel))
            else {
                let place = if path.is_empty() { String::new() } else { format!(" at '{path}'") };
                wrong.push(Violation {
                    path: path.to_owned(),
                    text: format!(
                        "Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field."
                    ),
                });
                continue;
            };
            if value.is_null() {
                continue;
            }
            let here =
                if path.is_empty() { snake(name) } else { format!("{path}.{}", snake(name)) };
            let value = match (field.is_list, value) {
                (false, value) => field.kind.take(value, &here, wrong),
                (true, Value::Array(items)) => items
                    .into_iter()
                    .enumerate()
                    .map(|(i, item)| field.kind.take(item, &format!("{here}[{i}]"), wrong))
                    .collect(),
                (true, other) => {
                    wrong.push(invalid(&here, "list", &other));
                    Value::Null
                }
            };
            kept.insert(name.clone(), value);
        }
        Value::Object(kept)
    }

    /// Turns the names of enums into their numbers, for a caller that asked for numbers.
    #[must_use]
    pub fn numbered(&self, body: Value) -> Value {
        let Value::Object(given) = body else { return body };
        let convert = |(name, value): (String, Value)| {
            let value = match self.fields.get(&name) {
                Some(field) => match (field.is_list, value) {
                    (true, Value::Array(items)) => {
                        items.into_iter().map(|item| field.kind.numbered(item)).collect()
                    }
                    (_, value) => field.kind.numbered(value),
                },
                None => value,
            };
            (name, value)
        };
        Value::Object(given.into_iter().map(convert).collect())
    }
}

impl Kind {
    fn take(&self, value: Value, path: &str, wrong: &mut Vec<Violation>) -> Value {
        let mut refuse = |kind: &str, value: Value| {
            wrong.push(invalid(path, kind, &value));
            Value::Null
        };
        match (self, value) {
            (Self::Any, value) => value,
            (Self::Text, value @ Value::String(_)) => value,
            (Self::Text, value) => refuse("TYPE_STRING", value),
            (Self::Bool, value @ Value::Bool(_)) => value,
            (Self::Bool, value) => refuse("TYPE_BOOL", value),
            (Self::Number, value @ Value::Number(_)) => value,
            (Self::Number, Value::String(text)) if text.parse::<i32>().is_ok() => {
                json!(text.parse::<i32>().unwrap_or_default())
            }
            (Self::Number, value) => refuse("TYPE_INT32", value),
            (Self::Long, Value::Number(number)) => json!(number.to_string()),
            (Self::Long, Value::String(text)) if text.parse::<i128>().is_ok() => json!(text),
            (Self::Long, value) => refuse("TYPE_INT64", value),
            (Self::Map, Value::Object(map)) if map.values().all(Value::is_string) => {
                Value::Object(map)
            }
            (Self::Map, value) => refuse("map", value),
            (Self::Enum(names), Value::String(text)) if names.contains(&text) => json!(text),
            (Self::Enum(names), value) => {
                let number = value.as_u64().and_then(|n| usize::try_from(n).ok());
                match number.and_then(|n| names.get(n)) {
                    Some(name) => json!(name),
                    None => refuse("TYPE_ENUM", value),
                }
            }
            (Self::Message(shape), value) => shape.message(value, path, wrong),
        }
    }

    fn numbered(&self, value: Value) -> Value {
        match (self, value) {
            (Self::Enum(names), Value::String(text)) => {
                match names.iter().position(|name| *name == text) {
                    Some(number) => json!(number),
                    None => Value::String(text),
                }
            }
            (Self::Message(shape), value) => shape.numbered(value),
            (_, value) => value,
        }
    }
}

fn invalid(path: &str, kind: &str, value: &Value) -> Violation {
    Violation {
        path: path.to_owned(),
        text: format!("Invalid value at '{path}' ({kind}), {value}"),
    }
}

/// Spells a name as Google's messages do.
fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut after_small = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && after_small {
            out.push('_');
        }
        after_small = !c.is_ascii_uppercase();
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

    fn shape() -> Shape {
        Shape::new(
            "name,count:i,size:l,on:b,labels:m,
             pool(taints[](key,effect:e<UNSPECIFIED|NO_SCHEDULE|PREFER>),tags[])",
        )
    }

    #[test]
    fn a_body_takes_the_form_of_answers() {
        let body = json!({
            "name": "n", "count": 3, "size": 100, "on": true, "labels": {"a": "b"},
            "pool": {"taints": [{"key": "k", "effect": 1}], "tags": ["x"]},
        });
        let kept = shape().check(body).unwrap();
        assert_eq!(kept["size"], "100");
        assert_eq!(kept["pool"]["taints"][0]["effect"], "NO_SCHEDULE");
        let numbers = shape().numbered(kept);
        assert_eq!(numbers["pool"]["taints"][0]["effect"], 1);
    }

    #[test]
    fn unknown_fields_and_wrong_types_are_refused_with_their_place() {
        let body = json!({"pool": {"taints": [{"key": "k", "efect": 1}]}});
        let message = shape().check(body).unwrap_err().message;
        assert_eq!(
            message,
            "Invalid JSON payload received. Unknown name \"efect\" at 'pool.taints[0]': Cannot find field."
        );
        assert!(shape().check(json!({"on": "yes"})).is_err());
        assert!(shape().check(json!({"pool": {"tags": "x"}})).is_err());
        assert!(shape().check(json!([])).is_err());
        let loose = shape().check(json!({"pool": {"taints": [{"effect": 9}]}}));
        assert!(loose.is_err());
    }
}
