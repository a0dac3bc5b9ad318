//! JSON as it is held by the ten thousand.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error};
use serde_json::{Map, Value};

use crate::{Outputs, Reference, intern::intern, references};

/// A JSON object, held as its text: a spec, or outputs. As a tree of values, each would take some
/// 700 bytes a level; equal ones share one text. Read one field with [`RawJson::get`], all of them
/// with [`RawJson::value`].
///
/// ```
/// use infra_provider_api::RawJson;
/// use serde_json::json;
///
/// let recorded = RawJson::from(json!({"id": "m-1", "ip": "10.0.0.4"}));
/// let seen = RawJson::from(json!({"ip": "10.0.0.5"}));
/// let outputs = recorded.with(&seen);
/// assert_eq!(outputs.text("ip").as_deref(), Some("10.0.0.5"));
/// // The order of fields means nothing.
/// assert_eq!(outputs, RawJson::from(json!({"ip": "10.0.0.5", "id": "m-1"})));
/// ```
#[derive(Clone)]
pub struct RawJson(Arc<str>);

/// The text of a field that is not known before it is made, for instance a sum over what other
/// resources give.
pub const KNOWN_AFTER_APPLY: &str = "known after apply";

impl RawJson {
    /// Returns this one with the fields that were [`KNOWN_AFTER_APPLY`] as `made` has them.
    ///
    /// ```
    /// use infra_provider_api::{KNOWN_AFTER_APPLY, RawJson};
    /// use serde_json::json;
    ///
    /// let planned = RawJson::from(json!({"node": "worker-1", "digest": KNOWN_AFTER_APPLY}));
    /// let made = RawJson::from(json!({"node": "worker-9", "digest": "sha256:0a"}));
    /// let known = planned.known_by(&made);
    /// assert_eq!(known, RawJson::from(json!({"node": "worker-1", "digest": "sha256:0a"})));
    /// ```
    #[must_use]
    pub fn known_by(self, made: &Self) -> Self {
        if !self.0.contains(KNOWN_AFTER_APPLY) {
            return self;
        }
        let mut known = self.clone();
        for (name, value) in self.fields() {
            if value == KNOWN_AFTER_APPLY {
                known.set(&name, made.get(&name));
            }
        }
        known
    }

    /// Packs what can be written as JSON.
    ///
    /// # Errors
    /// Returns an error if it cannot be written as JSON (a map with keys that are no strings).
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self(intern(&serde_json::to_string(value)?)))
    }

    /// Parses all of it.
    pub fn value(&self) -> Value {
        // It was written as JSON, here or by who made it.
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Returns the fields if it is an object, and none otherwise.
    pub fn fields(&self) -> Map<String, Value> {
        match self.value() {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    /// Returns the field `name`.
    pub fn get(&self, name: &str) -> Option<Value> {
        // A look at the text is much cheaper than reading it. What is escaped there is read.
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if plain && !self.0.contains(name) {
            return None;
        }
        self.fields().remove(name)
    }

    /// Returns the field `name`, if it is a text.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a copy with all fields of `newer`.
    #[must_use]
    pub fn with(&self, newer: &Self) -> Self {
        if self.is_empty() || self.0 == newer.0 {
            return newer.clone();
        }
        let mut fields = self.fields();
        fields.extend(newer.fields());
        Value::Object(fields).into()
    }

    /// Returns the references in it.
    pub fn references(&self) -> Vec<Reference> {
        if self.0.contains("\"$ref\"") { references(&self.value()) } else { Vec::new() }
    }

    /// Returns true if there is nothing in it.
    pub fn is_empty(&self) -> bool {
        matches!(&*self.0, "{}" | "null")
    }

    /// Sets the field `name` to `value`, or removes it.
    pub fn set(&mut self, name: &str, value: Option<Value>) {
        let mut fields = self.fields();
        match value {
            Some(value) => drop(fields.insert(name.to_owned(), value)),
            None => drop(fields.remove(name)),
        }
        *self = Value::Object(fields).into();
    }
}

impl Default for RawJson {
    fn default() -> Self {
        Self(intern("{}"))
    }
}

impl From<Value> for RawJson {
    fn from(value: Value) -> Self {
        Self(intern(&value.to_string()))
    }
}

impl From<Outputs> for RawJson {
    fn from(outputs: Outputs) -> Self {
        Value::Object(outputs.into_iter().collect()).into()
    }
}

impl PartialEq for RawJson {
    /// Compares the values, because the order of fields means nothing.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.value() == other.value()
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: Value = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_not_known_is_taken_from_what_was_made() {
        let planned = RawJson::from(
            json!({"digest": KNOWN_AFTER_APPLY, "objects": 3, "gone": KNOWN_AFTER_APPLY}),
        );
        let made = RawJson::from(json!({"digest": "ab12", "objects": 4}));
        assert_eq!(planned.known_by(&made).value(), json!({"digest": "ab12", "objects": 3}));
    }

    #[test]
    fn fields_are_read_set_and_taken_out() {
        let mut spec = RawJson::from(json!({"size": "small", "tags": ["a"]}));
        assert_eq!((spec.get("size"), spec.get("siz")), (Some(json!("small")), None));
        spec.set("size", Some(json!("large")));
        spec.set("tags", None);
        assert_eq!(spec.value(), json!({"size": "large"}));
        assert!(!spec.is_empty() && RawJson::default().is_empty());
    }

    #[test]
    fn the_order_of_fields_means_nothing() {
        let one: RawJson = serde_json::from_str(r#"{"a": 1, "b": {"c": 2, "d": 3}}"#).unwrap();
        let other: RawJson = serde_json::from_str(r#"{"b":{"d":3,"c":2},"a":1}"#).unwrap();
        assert_eq!(one, other);
        assert_ne!(one, RawJson::from(json!({"a": 1})));
        assert_eq!(serde_json::to_string(&one).unwrap(), r#"{"a":1,"b":{"c":2,"d":3}}"#);
    }

    #[test]
    fn a_name_that_is_escaped_is_found() {
        let odd = RawJson::from(json!({"a\"b": 1}));
        assert_eq!(odd.get("a\"b"), Some(json!(1)));
    }
}
