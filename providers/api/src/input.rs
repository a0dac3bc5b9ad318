//! Values that may come from another resource: the edges of the graph.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Address;

/// Marks a secret inside an erased spec: `{"$secret": "<text>"}`, which plans show as `(sensitive)`. The
/// text tells that the secret changed, and must tell nothing else: not its plain sum, by which short
/// ones are guessed. The value itself is never part of a spec; a kind fetches it where it is kept, at
/// the moment it is needed.
pub const SECRET_KEY: &str = "$secret";

/// One output of one resource. Shown as `(known after apply)` until it exists.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// The resource referred to.
    #[serde(rename = "$ref")]
    pub address: Address,
    /// The name of its output, for instance `id`.
    pub field: String,
}

/// A value, or where it will come from.
///
/// A spec that refers to another resource becomes an edge of the graph as soon as it is erased:
///
/// ```
/// use infra_provider_api::{Address, Input, RawJson};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Machine {
///     size: Input<String>,
///     network: Input<String>,
/// }
///
/// let network = Address::new("vpc", "main");
/// let spec = RawJson::of(&Machine {
///     size: "small".to_owned().into(),
///     network: Input::reference(network.clone(), "id"),
/// })?;
/// assert_eq!(spec.to_string(), r#"{"size":"small","network":{"$ref":"vpc.main","field":"id"}}"#);
/// assert_eq!(spec.references()[0].address, network);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input<T> {
    /// Comes from another resource's outputs.
    Ref(Reference),
    /// Known when planning.
    Known(T),
}

impl<T> Input<T> {
    /// Refers to the output `field` of the resource at `address`.
    pub fn reference(address: Address, field: impl Into<String>) -> Self {
        Self::Ref(Reference { address, field: field.into() })
    }

    /// Returns the value, where it is known. Kinds get specs in which everything is.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Ref(_) => None,
        }
    }
}

impl<T> From<T> for Input<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

fn as_reference(value: &Value) -> Option<Reference> {
    let object = value.as_object()?;
    if object.len() == 2 && object.contains_key("$ref") {
        return serde_json::from_value(value.clone()).ok();
    }
    None
}

/// Returns all references inside an erased spec, in the order of its fields.
pub fn references(spec: &Value) -> Vec<Reference> {
    let mut found = Vec::new();
    collect(spec, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<Reference>) {
    if let Some(reference) = as_reference(value) {
        found.push(reference);
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        _ => {}
    }
}

/// Replaces each reference in `spec` by the output that it names. A reference whose output is not
/// known yet stays as it is, and is returned in the second part.
///
/// ```
/// use infra_provider_api::resolve;
/// use serde_json::json;
///
/// let spec = json!({
///     "network": {"$ref": "vpc.main", "field": "id"},
///     "address": {"$ref": "reserved_ip.api", "field": "ip"},
/// });
/// let exists = |address: &str| (address == "vpc.main").then(|| json!("v-1"));
/// let (resolved, unknown) = resolve(&spec, &|reference| exists(&reference.address.to_string()));
/// assert_eq!(resolved["network"], "v-1");
/// assert_eq!(unknown.len(), 1);
/// assert_eq!(unknown[0].address.to_string(), "reserved_ip.api");
/// ```
pub fn resolve(
    spec: &Value,
    output: &dyn Fn(&Reference) -> Option<Value>,
) -> (Value, Vec<Reference>) {
    let mut unknown = Vec::new();
    let resolved = resolve_inner(spec, output, &mut unknown);
    (resolved, unknown)
}

fn resolve_inner(
    value: &Value,
    output: &dyn Fn(&Reference) -> Option<Value>,
    unknown: &mut Vec<Reference>,
) -> Value {
    if let Some(reference) = as_reference(value) {
        if let Some(known) = output(&reference) {
            return known;
        }
        unknown.push(reference);
        return value.clone();
    }
    match value {
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| resolve_inner(item, output, unknown)).collect())
        }
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, field)| (name.clone(), resolve_inner(field, output, unknown)))
                .collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Spec {
        vpc: Input<String>,
        names: Vec<Input<String>>,
    }

    #[test]
    fn references_survive_erasing_and_are_found() {
        let vpc: Address = "vpc.main".parse().unwrap();
        let spec = Spec {
            vpc: Input::reference(vpc.clone(), "id"),
            names: vec!["a".to_owned().into(), Input::reference(vpc.clone(), "name")],
        };
        let erased = serde_json::to_value(&spec).unwrap();
        assert_eq!(
            erased,
            json!({"vpc": {"$ref": "vpc.main", "field": "id"},
                   "names": ["a", {"$ref": "vpc.main", "field": "name"}]})
        );
        assert_eq!(serde_json::from_value::<Spec>(erased.clone()).unwrap(), spec);
        assert_eq!(references(&erased).len(), 2);

        let output = |reference: &Reference| {
            (reference.address == vpc && reference.field == "id").then(|| json!("v-1"))
        };
        let (resolved, unknown) = resolve(&erased, &output);
        assert_eq!(resolved["vpc"], json!("v-1"));
        assert_eq!(unknown, vec![Reference { address: vpc.clone(), field: "name".into() }]);
    }
}
