//! A JSON value against a schema of a discovery document.

use serde_json::{Map, Value};

use super::{document::Document, formats, numbers};

/// Deeper than any message is: a document whose schemas name each other must not end the stack.
const DEPTH_MAX: usize = 64;

/// Checks values of one call, and gathers what is wrong with them.
pub(super) struct Checker<'a> {
    document: &'a Document,
    method_id: &'a str,
    is_request: bool,
    /// Enums are numbers.
    numbers: bool,
    depth: usize,
    pub(super) violations: Vec<String>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        document: &'a Document,
        method_id: &'a str,
        is_request: bool,
        numbers: bool,
    ) -> Self {
        Self { document, method_id, is_request, numbers, depth: 0, violations: Vec::new() }
    }

    fn wrong(&mut self, path: &str, why: impl std::fmt::Display) {
        self.violations.push(format!("{path}: {why}"));
    }

    /// Checks a value against a schema, which may be a reference to one with a name.
    pub(super) fn check(&mut self, value: &Value, schema: &Value, path: &str) {
        if self.depth > DEPTH_MAX {
            return self.wrong(path, "it is too deep");
        }
        self.depth += 1;
        match schema["$ref"].as_str() {
            Some(name) => match self.document.schemas.get(name) {
                Some(schema) => self.check_value(value, schema, path, name),
                None => self.wrong(path, format!("the document has no schema {name}")),
            },
            None => self.check_value(value, schema, path, "the object"),
        }
        self.depth -= 1;
    }

    fn check_value(&mut self, value: &Value, schema: &Value, path: &str, name: &str) {
        let kind = schema["type"].as_str().unwrap_or("any");
        // Clients write `null` for a field that has no value, or that is to lose it.
        if kind == "any" || (value.is_null() && self.is_request) {
            return;
        }
        match (kind, value) {
            ("object", Value::Object(map)) => self.check_object(map, schema, path, name),
            ("array", Value::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    self.check(item, &schema["items"], &format!("{path}[{at}]"));
                }
            }
            ("string", _) if schema["enum"].is_array() => self.check_enum(value, schema, path),
            ("string", Value::String(text)) => self.check_text(text, schema, path),
            ("integer", Value::Number(number)) => {
                let format = schema["format"].as_str().unwrap_or_default();
                if !formats::is_integer(&number.to_string(), format) {
                    self.wrong(path, format!("{number} is no integer of the format {format}"));
                }
            }
            ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => {}
            _ => self.wrong(path, format!("{} is not of type {kind}", short(value))),
        }
    }

    fn check_object(&mut self, map: &Map<String, Value>, schema: &Value, path: &str, name: &str) {
        if schema["format"] == "google.protobuf.Any" {
            return;
        }
        let none = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        let additional = &schema["additionalProperties"];
        for (key, value) in map {
            let below = format!("{path}.{key}");
            match properties.get(key) {
                Some(schema) => self.check(value, schema, &below),
                None if additional.is_object() => self.check(value, additional, &below),
                None => self.wrong(&below, format!("{name} has no such field")),
            }
        }
        if !self.is_request {
            return;
        }
        for (key, property) in properties {
            let wanted = property["annotations"]["required"].as_array();
            let is_wanted = wanted.is_some_and(|all| all.iter().any(|id| id == self.method_id));
            if is_wanted && !map.contains_key(key) {
                self.wrong(&format!("{path}.{key}"), "it must be there");
            }
        }
    }

    fn check_enum(&mut self, value: &Value, schema: &Value, path: &str) {
        let names = schema["enum"].as_array().map_or(&[][..], Vec::as_slice);
        match value {
            Value::String(name) if !names.iter().any(|one| one == name) => {
                self.wrong(path, format!("`{name}` is none of the enum's values"));
            }
            // A request may hold names in either case; an answer holds what was asked for.
            Value::String(name) if self.numbers && !self.is_request => {
                self.wrong(path, format!("`{name}` is a name where numbers are asked for"));
            }
            Value::String(_) => {}
            Value::Number(number) if self.numbers => {
                if !number.as_i64().is_some_and(|number| numbers::has(names, number)) {
                    self.wrong(path, format!("{number} is none of the enum's numbers"));
                }
            }
            _ => self.wrong(path, format!("{} is no name of an enum", short(value))),
        }
    }

    fn check_text(&mut self, text: &str, schema: &Value, path: &str) {
        let format = schema["format"].as_str().unwrap_or_default();
        if !formats::is_text(text, format) {
            return self.wrong(path, format!("`{text}` is not of the format {format}"));
        }
        if let Some(pattern) = schema["pattern"].as_str()
            && !text.is_empty()
            && !self.document.fits(pattern, text)
        {
            self.wrong(path, format!("`{text}` is not of the pattern {pattern}"));
        }
    }
}

/// Writes a value, or its beginning.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
