use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::types::{Field, ListKind, Struct, Type};

/// Reads the type of a custom resource out of its `openAPIV3Schema`.
pub(crate) fn custom_type(schema: &Value) -> Type {
    let mut root = match object(schema) {
        Type::Inline(inline) => (*inline).clone(),
        _ => Struct { open: true, ..Struct::default() },
    };
    let plain = |ty| Field { ty, required: false, default: None };
    root.fields.insert("apiVersion".into(), plain(Type::String));
    root.fields.insert("kind".into(), plain(Type::String));
    root.fields.insert("metadata".into(), plain(Type::Named("meta.ObjectMeta".into())));
    Type::Inline(Arc::new(root))
}

fn flag(schema: &Value, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn convert(schema: &Value) -> Type {
    if flag(schema, "x-kubernetes-int-or-string") {
        return Type::IntOrString;
    }
    match schema["type"].as_str() {
        Some("object") => object(schema),
        Some("array") => {
            let item = convert(&schema["items"]);
            let kind = match schema["x-kubernetes-list-type"].as_str() {
                Some("set") => ListKind::Set,
                Some("map") => ListKind::Keyed(
                    schema["x-kubernetes-list-map-keys"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(|key| key.as_str().map(str::to_owned))
                        .collect(),
                ),
                _ => ListKind::Atomic,
            };
            Type::List(Arc::new(item), kind)
        }
        Some("string") => Type::String,
        Some("integer") => Type::Integer,
        Some("number") => Type::Number,
        Some("boolean") => Type::Boolean,
        _ => Type::Any,
    }
}

fn object(schema: &Value) -> Type {
    let atomic = schema["x-kubernetes-map-type"] == "atomic";
    match schema.get("properties").and_then(Value::as_object) {
        Some(properties) => {
            let required: Vec<&str> = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let fields: BTreeMap<String, Field> = properties
                .iter()
                .map(|(name, schema)| {
                    let field = Field {
                        ty: convert(schema),
                        required: required.contains(&name.as_str()),
                        default: schema.get("default").cloned(),
                    };
                    (name.clone(), field)
                })
                .collect();
            let open = flag(schema, "x-kubernetes-preserve-unknown-fields");
            Type::Inline(Arc::new(Struct { name: String::new(), atomic, open, fields }))
        }
        None => match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => {
                Type::Inline(Arc::new(Struct { atomic, ..Struct::default() }))
            }
            Some(of @ Value::Object(_)) => Type::Map(Arc::new(convert(of)), atomic),
            Some(_) => Type::Map(Arc::new(Type::Any), atomic),
            None if flag(schema, "x-kubernetes-preserve-unknown-fields") => Type::Any,
            None => Type::Inline(Arc::new(Struct { atomic, ..Struct::default() })),
        },
    }
}
