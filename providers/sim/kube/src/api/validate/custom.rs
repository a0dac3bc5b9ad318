use serde_json::Value;

use super::names;
use crate::api::context::Server;
use crate::api::field_error::{Errors, FieldError};
use crate::api::kind::Kind;

/// Checks a custom resource against its definition's schema.
pub(super) fn object(kind: &Kind, object: &Value, errors: &mut Errors) {
    let Some(version) = &kind.custom else { return };
    let schema = &version["schema"]["openAPIV3Schema"];
    value(object, schema, "", errors);
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

fn value(found: &Value, schema: &Value, path: &str, errors: &mut Errors) {
    if found.is_null() && schema["nullable"] == true {
        return;
    }
    let is = type_name(found);
    if let Some(wanted) = schema["type"].as_str()
        && wanted != is
        && !(wanted == "number" && is == "integer")
    {
        errors.push(FieldError::invalid(
            path,
            is,
            format!("{path} in body must be of type {wanted}: \"{is}\""),
        ));
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(found)
    {
        let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        errors.push(FieldError::not_supported(path, found.clone(), &allowed));
    }
    match found {
        Value::Object(fields) => {
            for name in
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str)
            {
                if !fields.contains_key(name) {
                    errors.push(FieldError::required(join(path, name), ""));
                }
            }
            for (name, child) in fields {
                let top =
                    path.is_empty() && matches!(name.as_str(), "metadata" | "apiVersion" | "kind");
                if top {
                    continue;
                }
                if let Some(schema) = schema["properties"].get(name) {
                    value(child, schema, &join(path, name), errors);
                } else if schema["additionalProperties"].is_object() {
                    value(child, &schema["additionalProperties"], &join(path, name), errors);
                }
            }
        }
        Value::Array(items) => {
            let count = items.len() as u64;
            if schema["minItems"].as_u64().is_some_and(|least| count < least) {
                errors.push(FieldError::invalid(
                    path,
                    count,
                    format!("{path} in body should have at least {} items", schema["minItems"]),
                ));
            }
            if schema["maxItems"].as_u64().is_some_and(|most| count > most) {
                errors.push(FieldError::invalid(
                    path,
                    count,
                    format!("{path} in body should have at most {} items", schema["maxItems"]),
                ));
            }
            for (index, item) in items.iter().enumerate() {
                value(item, &schema["items"], &format!("{path}[{index}]"), errors);
            }
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            if schema["minimum"].as_f64().is_some_and(|least| number < least) {
                errors.push(FieldError::invalid(
                    path,
                    found.clone(),
                    format!(
                        "{path} in body should be greater than or equal to {}",
                        schema["minimum"]
                    ),
                ));
            }
            if schema["maximum"].as_f64().is_some_and(|most| number > most) {
                errors.push(FieldError::invalid(
                    path,
                    found.clone(),
                    format!("{path} in body should be less than or equal to {}", schema["maximum"]),
                ));
            }
        }
        Value::String(text) => {
            let count = text.chars().count() as u64;
            if schema["minLength"].as_u64().is_some_and(|least| count < least) {
                errors.push(FieldError::invalid(
                    path,
                    text.as_str(),
                    format!("{path} in body should be at least {} chars long", schema["minLength"]),
                ));
            }
            if schema["maxLength"].as_u64().is_some_and(|most| count > most) {
                errors.push(FieldError::invalid(
                    path,
                    text.as_str(),
                    format!("{path} in body should be at most {} chars long", schema["maxLength"]),
                ));
            }
            if let Some(pattern) = schema["pattern"].as_str()
                && regex::Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text))
            {
                errors.push(FieldError::invalid(
                    path,
                    text.as_str(),
                    format!("{path} in body should match '{pattern}'"),
                ));
            }
        }
        _ => {}
    }
}

/// Checks a CustomResourceDefinition.
pub(super) fn definition(_server: &Server, object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
    for (field, value) in [
        ("spec.group", &group),
        ("spec.names.plural", &plural),
        ("spec.names.kind", &text(&spec["names"]["kind"])),
    ] {
        if value.is_empty() {
            errors.push(FieldError::required(field, ""));
        }
    }
    if !group.is_empty() && group.split('.').count() < 2 {
        errors.push(FieldError::invalid(
            "spec.group",
            group.as_str(),
            "should be a domain with at least one dot",
        ));
    } else if !group.is_empty()
        && let Err(why) = names::subdomain(&group)
    {
        errors.push(FieldError::invalid("spec.group", group.as_str(), why));
    }
    let name = text(&object["metadata"]["name"]);
    if name != format!("{plural}.{group}") {
        errors.push(FieldError::invalid(
            "metadata.name",
            name,
            "must be spec.names.plural+\".\"+spec.group",
        ));
    }
    match spec["scope"].as_str() {
        Some("Namespaced" | "Cluster") => {}
        None | Some("") => errors.push(FieldError::required("spec.scope", "")),
        Some(other) => {
            errors.push(FieldError::not_supported("spec.scope", other, &["Cluster", "Namespaced"]));
        }
    }
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let stored = versions.iter().filter(|version| version["storage"] == true).count();
    if versions.is_empty() {
        errors.push(FieldError::required("spec.versions", ""));
    } else if stored != 1 {
        errors.push(FieldError::invalid(
            "spec.versions",
            spec["versions"].clone(),
            "must have exactly one version marked as storage version",
        ));
    }
    for (index, version) in versions.iter().enumerate() {
        if !version["schema"]["openAPIV3Schema"].is_object() {
            errors.push(FieldError::required(
                format!("spec.versions[{index}].schema.openAPIV3Schema"),
                "schemas are required",
            ));
        } else if version["schema"]["openAPIV3Schema"]["type"] != "object" {
            errors.push(FieldError::invalid(
                format!("spec.versions[{index}].schema.openAPIV3Schema.type"),
                version["schema"]["openAPIV3Schema"]["type"].clone(),
                "must be object at the root",
            ));
        }
    }
}
