//! References and what they stand for.

use infra_provider_api::Reference;
use serde_json::Value;

/// What is known of a reference while planning.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// Its value.
    Known(Value),
    /// It is recreated in this run: known after apply, and surely another one than now.
    Later,
    /// What it refers to exists and stays, but has not this output yet. Nothing can be said.
    Missing,
}

/// Returns `value` as a reference, if it is one.
pub(crate) fn as_reference(value: &Value) -> Option<Reference> {
    let object = value.as_object()?;
    if object.len() != 2 || !object.contains_key("$ref") {
        return None;
    }
    serde_json::from_value(value.clone()).ok()
}

/// Replaces each known reference in `spec`; the others stay. The second value is true if none did.
pub fn resolve_known(spec: &Value, lookup: &dyn Fn(&Reference) -> Lookup) -> (Value, bool) {
    if let Some(reference) = as_reference(spec) {
        return match lookup(&reference) {
            Lookup::Known(value) => (value, true),
            Lookup::Later | Lookup::Missing => (spec.clone(), false),
        };
    }
    let mut complete = true;
    let mut inner = |value: &Value| {
        let (value, known) = resolve_known(value, lookup);
        complete &= known;
        value
    };
    let value = match spec {
        Value::Array(items) => Value::Array(items.iter().map(&mut inner).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, field)| (name.clone(), inner(field))).collect())
        }
        other => other.clone(),
    };
    (value, complete)
}

/// Returns true if a reference lies anywhere in `value`.
pub(super) fn has_reference(value: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            as_reference(value).is_some() || fields.values().any(has_reference)
        }
        Value::Array(items) => items.iter().any(has_reference),
        _ => false,
    }
}
