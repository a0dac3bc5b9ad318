//! Holds what was written against the JSON Schema: unknown keys with the near word, wrong types,
//! words that are not among those allowed. Every finding has its place, and all are reported.

use infra_provider_api::Diagnostic;
use serde_json::Value;

use super::tree::{Body, Node};

/// Finds everything in `node` that the schema refuses.
pub fn check(schema: &Value, node: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    Checker { root: schema, found: &mut found }.walk(schema, node, "");
    found
}

struct Checker<'a> {
    root: &'a Value,
    found: &'a mut Vec<Diagnostic>,
}

fn type_of(node: &Node) -> &'static str {
    match &node.body {
        Body::Table(_) => "a table",
        Body::List(_) => "a list",
        Body::Leaf(Value::String(_)) => "a text",
        Body::Leaf(Value::Bool(_)) => "true or false",
        Body::Leaf(Value::Number(number)) if number.is_f64() => "a number with a fraction",
        Body::Leaf(_) => "a number",
    }
}

fn fits(expected: &str, node: &Node) -> bool {
    match (expected, &node.body) {
        ("object", Body::Table(_))
        | ("array", Body::List(_))
        | ("string", Body::Leaf(Value::String(_)))
        | ("boolean", Body::Leaf(Value::Bool(_)))
        | ("number", Body::Leaf(Value::Number(_))) => true,
        ("integer", Body::Leaf(Value::Number(number))) => !number.is_f64(),
        _ => false,
    }
}

fn words(expected: &str) -> &str {
    match expected {
        "object" => "a table",
        "array" => "a list",
        "string" => "a text in quotes",
        "boolean" => "true or false",
        "integer" => "a whole number",
        other => other,
    }
}

/// Shows how a value of the type is written.
fn example(expected: &str) -> Option<&'static str> {
    Some(match expected {
        "array" => "[\"…\"]",
        "string" => "\"…\"",
        "boolean" => "true",
        "integer" => "3",
        "number" => "1.5",
        _ => return None,
    })
}

impl<'a> Checker<'a> {
    fn deref(&self, schema: &'a Value) -> &'a Value {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(path) => self.root.pointer(path.trim_start_matches('#')).unwrap_or(schema),
            None => schema,
        }
    }

    /// Returns the schemas that a value may follow, without `null`: TOML has none.
    fn alternatives(&self, schema: &'a Value) -> Vec<&'a Value> {
        let schema = self.deref(schema);
        match schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
            Some(any) => any
                .iter()
                .map(|one| self.deref(one))
                .filter(|one| one.get("type").and_then(Value::as_str) != Some("null"))
                .flat_map(|one| self.alternatives(one))
                .collect(),
            None => vec![schema],
        }
    }

    fn types(schema: &'a Value) -> Vec<&'a str> {
        match schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => {
                many.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect()
            }
            _ => vec![],
        }
    }

    fn walk(&mut self, schema: &'a Value, node: &Node, path: &str) {
        let alternatives = self.alternatives(schema);
        // A list of fixed words is written by schemars as alternatives with `const` each.
        let constants: Vec<&str> = alternatives
            .iter()
            .flat_map(|one| {
                one.get("const")
                    .into_iter()
                    .chain(one.get("enum").and_then(Value::as_array).into_iter().flatten())
            })
            .filter_map(Value::as_str)
            .collect();
        if !constants.is_empty() {
            self.one_of(&constants, node, path);
            return;
        }
        let fitting = alternatives.iter().copied().find(|one| {
            let types = Self::types(one);
            types.is_empty() || types.iter().any(|expected| fits(expected, node))
        });
        let Some(schema) = fitting else {
            let expected: Vec<&str> =
                alternatives.iter().flat_map(|one| Self::types(one)).map(words).collect();
            let mut diagnostic = Diagnostic::new(format!(
                "`{path}` must be {}, but this is {}",
                expected.join(" or "),
                type_of(node)
            ))
            .at(node.span.clone());
            let types = alternatives.iter().flat_map(|one| Self::types(one));
            if let Some(example) = types.filter_map(example).next() {
                let key = path.rsplit('.').next().unwrap_or(path);
                let key = key.split('[').next().unwrap_or(key);
                diagnostic = diagnostic.help(format!("write it as {key} = {example}"));
            }
            self.found.push(diagnostic);
            return;
        };
        match &node.body {
            Body::Table(fields) => self.table(schema, fields, node, path),
            Body::List(items) => {
                if let Some(item) = schema.get("items") {
                    for (at, node) in items.iter().enumerate() {
                        self.walk(item, node, &format!("{path}[{at}]"));
                    }
                }
            }
            Body::Leaf(Value::Number(number)) => self.range(schema, number, node, path),
            Body::Leaf(_) => {}
        }
    }

    fn one_of(&mut self, constants: &[&str], node: &Node, path: &str) {
        if let Body::Leaf(Value::String(text)) = &node.body
            && constants.contains(&text.as_str())
        {
            return;
        }
        let mut diagnostic =
            Diagnostic::new(format!("`{path}` must be one of {}", constants.join(", ")))
                .at(node.span.clone());
        if let Body::Leaf(Value::String(text)) = &node.body
            && let Some(near) = infra_provider_api::nearest(text, constants.iter().copied())
        {
            diagnostic = diagnostic.help(format!("did you mean \"{near}\"?"));
        }
        self.found.push(diagnostic);
    }

    fn range(&mut self, schema: &Value, number: &serde_json::Number, node: &Node, path: &str) {
        let Some(value) = number.as_f64() else { return };
        let format_max = match schema.get("format").and_then(Value::as_str) {
            Some("uint16") => Some(f64::from(u16::MAX)),
            Some("uint32") => Some(f64::from(u32::MAX)),
            _ => None,
        };
        let min = schema.get("minimum").and_then(Value::as_f64);
        let max = schema.get("maximum").and_then(Value::as_f64).or(format_max);
        if min.is_some_and(|min| value < min) || max.is_some_and(|max| value > max) {
            let range = match (min, max) {
                (Some(min), Some(max)) => format!("from {min} to {max}"),
                (Some(min), None) => format!("at least {min}"),
                (None, Some(max)) => format!("at most {max}"),
                (None, None) => return,
            };
            self.found
                .push(Diagnostic::new(format!("`{path}` must be {range}")).at(node.span.clone()));
        }
    }

    fn table(
        &mut self,
        schema: &'a Value,
        fields: &std::collections::BTreeMap<String, Node>,
        node: &Node,
        path: &str,
    ) {
        let known = schema.get("properties").and_then(Value::as_object);
        let rest = schema.get("additionalProperties");
        for (name, field) in fields {
            let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if let Some(schema) = known.and_then(|known| known.get(name)) {
                self.walk(schema, field, &below);
            } else if let Some(schema) = rest.filter(|rest| rest.is_object()) {
                self.walk(schema, field, &below);
            } else if known.is_some() {
                let place = if path.is_empty() {
                    "at the top level".to_owned()
                } else {
                    format!("in [{path}]")
                };
                let mut diagnostic =
                    Diagnostic::new(format!("unknown key `{name}` {place}")).at(field.key.clone());
                let keys = known.into_iter().flat_map(|known| known.keys().map(String::as_str));
                diagnostic = match infra_provider_api::nearest(name, keys.clone()) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic
                        .help(format!("known keys: {}", keys.collect::<Vec<_>>().join(", "))),
                };
                self.found.push(diagnostic);
            }
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                self.found.push(
                    Diagnostic::new(format!("`{name}` is missing in [{path}]"))
                        .at(node.key.clone()),
                );
            }
        }
    }
}
