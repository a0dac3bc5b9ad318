//! The part of JSON Schema that OpenAPI 3.0 documents use.

use regex::Regex;
use serde_json::Value;

/// Which fields count: read-only ones are no duty in requests, write-only ones none in answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Request,
    Answer,
}

/// Follows `$ref`s.
pub fn resolve<'a>(root: &'a Value, mut value: &'a Value) -> &'a Value {
    while let Some(reference) = value.get("$ref").and_then(Value::as_str) {
        value = root
            .pointer(&reference[1..])
            .unwrap_or_else(|| panic!("{reference} is not in the document"));
    }
    value
}

/// Checks a value against a schema; the error says where.
pub fn validate(
    root: &Value,
    schema: &Value,
    value: &Value,
    side: Side,
    at: &str,
) -> Result<(), String> {
    let schema = resolve(root, schema);
    if value.is_null() {
        return if nullable(root, schema) { Ok(()) } else { Err(format!("{at}: is null")) };
    }
    let all = schema["allOf"].as_array().into_iter().flatten();
    for part in all {
        validate(root, part, value, side, at)?;
    }
    for (word, exactly_one) in [("anyOf", false), ("oneOf", true)] {
        let Some(parts) = schema[word].as_array() else { continue };
        let results: Vec<_> = parts.iter().map(|p| validate(root, p, value, side, at)).collect();
        let good = results.iter().filter(|r| r.is_ok()).count();
        if good == 0 || (exactly_one && good > 1) {
            let why: Vec<_> = results.into_iter().filter_map(Result::err).collect();
            return Err(format!("{at}: {good} of {word} match: {}", why.join("; ")));
        }
    }
    kind(schema, value, at)?;
    scalar(schema, value, at)?;
    object(root, schema, value, side, at)?;
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        for (i, item) in list.iter().enumerate() {
            validate(root, items, item, side, &format!("{at}[{i}]"))?;
        }
    }
    Ok(())
}

/// `nullable` may stand at the schema or at all parts of its `allOf`; schemas that say no type take null.
fn nullable(root: &Value, schema: &Value) -> bool {
    if schema["nullable"] == true {
        return true;
    }
    let parts = |word: &str| schema[word].as_array().cloned().unwrap_or_default();
    let (all, any) = (parts("allOf"), [parts("anyOf"), parts("oneOf")].concat());
    let free = |s: &Value| nullable(root, resolve(root, s));
    if !any.is_empty() {
        return any.iter().any(free);
    }
    if !all.is_empty() {
        return all.iter().all(free);
    }
    schema.get("type").is_none() && schema.get("properties").is_none()
}

fn kind(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let good = match schema["type"].as_str() {
        None => true,
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some(other) => panic!("{at}: type {other}"),
    };
    if good { Ok(()) } else { Err(format!("{at}: {value} is not a {}", schema["type"])) }
}

fn scalar(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let fail = |what: &str| Err(format!("{at}: {value} breaks {what}"));
    if let Some(choices) = schema["enum"].as_array()
        && !choices.contains(value)
    {
        return fail("enum");
    }
    if let Some(text) = value.as_str() {
        let length = text.chars().count() as u64;
        if schema["maxLength"].as_u64().is_some_and(|m| length > m) {
            return fail("maxLength");
        }
        if let Some(pattern) = schema["pattern"].as_str()
            && !Regex::new(pattern).unwrap().is_match(text)
        {
            return fail(&format!("pattern {pattern}"));
        }
        let good = match schema["format"].as_str() {
            Some("date-time") => text.parse::<jiff::Timestamp>().is_ok(),
            Some("uuid") => text.parse::<uuid::Uuid>().is_ok(),
            Some("ipv4") => text.parse::<std::net::Ipv4Addr>().is_ok(),
            Some("uri") => text.parse::<url::Url>().is_ok(),
            _ => true,
        };
        if !good {
            return fail("format");
        }
    }
    if let Some(n) = value.as_f64() {
        if schema["minimum"].as_f64().is_some_and(|m| n < m)
            || schema["maximum"].as_f64().is_some_and(|m| n > m)
        {
            return fail("minimum or maximum");
        }
        if schema["multipleOf"].as_f64().is_some_and(|m| (n / m).fract() != 0.0) {
            return fail("multipleOf");
        }
    }
    if let Some(list) = value.as_array()
        && schema["minItems"].as_u64().is_some_and(|m| (list.len() as u64) < m)
    {
        return fail("minItems");
    }
    Ok(())
}

fn object(root: &Value, schema: &Value, value: &Value, side: Side, at: &str) -> Result<(), String> {
    let Some(fields) = value.as_object() else { return Ok(()) };
    let properties = &schema["properties"];
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        let property = resolve(root, &properties[name]);
        let excused = match side {
            Side::Request => property["readOnly"] == true,
            Side::Answer => property["writeOnly"] == true,
        };
        if !fields.contains_key(name) && !excused {
            return Err(format!("{at}: {name} is missing"));
        }
    }
    for (name, property) in properties.as_object().into_iter().flatten() {
        if let Some(field) = fields.get(name) {
            validate(root, property, field, side, &format!("{at}.{name}"))?;
        }
    }
    Ok(())
}
