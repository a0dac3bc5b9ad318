//! From YAML to JSON, as Kubernetes reads it, with variables filled in.

use serde_json::{Map, Number, Value};
use serde_yaml_ng::Value as Yaml;

use super::variables::{Fault, Marks};

/// What came up while a document was read; lines count within the marked text.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) faults: Vec<(usize, Fault)>,
    /// Secret variables that were used: name, line.
    pub(super) secrets: Vec<(String, usize)>,
    /// What YAML allows and JSON does not.
    pub(super) unsupported: Vec<String>,
}

/// Returns the document as JSON.
pub(super) fn to_json(yaml: Yaml, marks: &Marks, findings: &mut Findings) -> Value {
    convert(yaml, "", marks, findings)
}

fn convert(yaml: Yaml, key: &str, marks: &Marks, findings: &mut Findings) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => Value::Bool(b),
        Yaml::Number(n) => number(&n),
        Yaml::String(s) => string(s, key, marks, findings),
        Yaml::Sequence(items) => {
            items.into_iter().map(|item| convert(item, key, marks, findings)).collect()
        }
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (name, value) in entries {
                let name = match convert(name, "", marks, findings) {
                    Value::String(name) => name,
                    other => other.to_string(),
                };
                let value = convert(value, &name, marks, findings);
                map.insert(name, value);
            }
            Value::Object(map)
        }
        Yaml::Tagged(tagged) => {
            findings
                .unsupported
                .push(format!("the tag {} means nothing to Kubernetes", tagged.tag));
            Value::Null
        }
    }
}

fn string(text: String, key: &str, marks: &Marks, findings: &mut Findings) -> Value {
    let Some(filled) = marks.fill(&text, &mut findings.faults) else {
        return file_mode(key, &text).unwrap_or(Value::String(text));
    };
    findings.secrets.extend(filled.secret.clone());
    if filled.plain && filled.secret.is_none() {
        return plain_scalar(key, filled.text);
    }
    Value::String(filled.text)
}

/// Reads a plain scalar by YAML's rules; anything but a number, a boolean or null stays text.
fn plain_scalar(key: &str, text: String) -> Value {
    if let Some(mode) = file_mode(key, &text) {
        return mode;
    }
    match serde_yaml_ng::from_str::<Yaml>(&text) {
        Ok(Yaml::Bool(b)) => Value::Bool(b),
        Ok(Yaml::Number(n)) => number(&n),
        _ => Value::String(text),
    }
}

/// Reads a file mode in octal, as kubectl does. It reads YAML 1.1, where `defaultMode: 0644` is
/// octal; YAML 1.2 sees text.
fn file_mode(key: &str, text: &str) -> Option<Value> {
    if !matches!(key, "defaultMode" | "mode") || !text.starts_with('0') || text.len() > 5 {
        return None;
    }
    u32::from_str_radix(text, 8).ok().map(Value::from)
}

fn number(n: &serde_yaml_ng::Number) -> Value {
    if let Some(n) = n.as_i64() {
        return Value::from(n);
    }
    if let Some(n) = n.as_u64() {
        return Value::from(n);
    }
    n.as_f64().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}
