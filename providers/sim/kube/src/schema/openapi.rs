use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::parse;
use super::types::{ListKind, Type};

/// Turns `core.v1.Pod` into `io.k8s.api.core.v1.Pod`.
pub(crate) fn schema_name(name: &str) -> String {
    match name.split_once('.') {
        Some(("meta", kind)) => format!("io.k8s.apimachinery.pkg.apis.meta.v1.{kind}"),
        Some(("apiextensions", rest)) => {
            format!("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{rest}")
        }
        _ => format!("io.k8s.api.{name}"),
    }
}

/// Makes the OpenAPI v3 schema of a type; the types it names are put into `named`.
pub(crate) fn schema_of(ty: &Type, named: &mut BTreeSet<String>) -> Value {
    match ty {
        Type::String => json!({"type": "string"}),
        Type::Integer => json!({"type": "integer", "format": "int32"}),
        Type::Number => json!({"type": "number", "format": "double"}),
        Type::Boolean => json!({"type": "boolean"}),
        Type::Bytes => json!({"type": "string", "format": "byte"}),
        Type::Quantity => json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
        Type::IntOrString => {
            json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]})
        }
        Type::Time => json!({"type": "string", "format": "date-time"}),
        Type::Any => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        Type::Named(name) => {
            named.insert(name.to_string());
            json!({"allOf": [{"$ref": format!("#/components/schemas/{}", schema_name(name))}], "default": {}})
        }
        Type::Inline(inline) => object(inline, named),
        Type::List(item, kind) => {
            let mut schema = json!({"type": "array", "items": schema_of(item, named)});
            match kind {
                ListKind::Atomic => schema["x-kubernetes-list-type"] = json!("atomic"),
                ListKind::Set => {
                    schema["x-kubernetes-list-type"] = json!("set");
                    schema["x-kubernetes-patch-strategy"] = json!("merge");
                }
                ListKind::Keyed(keys) => {
                    schema["x-kubernetes-list-type"] = json!("map");
                    schema["x-kubernetes-list-map-keys"] = json!(keys);
                    schema["x-kubernetes-patch-merge-key"] = json!(keys.first());
                    schema["x-kubernetes-patch-strategy"] = json!("merge");
                }
            }
            schema
        }
        Type::Map(of, atomic) => {
            let mut schema =
                json!({"type": "object", "additionalProperties": schema_of(of, named)});
            if *atomic {
                schema["x-kubernetes-map-type"] = json!("atomic");
            }
            schema
        }
    }
}

fn object(known: &super::Struct, named: &mut BTreeSet<String>) -> Value {
    let properties: Map<String, Value> = known
        .fields
        .iter()
        .map(|(name, field)| (name.clone(), schema_of(&field.ty, named)))
        .collect();
    let required: Vec<&String> =
        known.fields.iter().filter(|(_, field)| field.required).map(|(name, _)| name).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if known.atomic {
        schema["x-kubernetes-map-type"] = json!("atomic");
    }
    if known.open {
        schema["x-kubernetes-preserve-unknown-fields"] = json!(true);
    }
    schema
}

/// Makes the schemas of these built-in types and of all they name, by full name.
pub(crate) fn named_schemas(roots: BTreeSet<String>) -> Map<String, Value> {
    let mut schemas = Map::new();
    let mut left: Vec<String> = roots.into_iter().collect();
    while let Some(name) = left.pop() {
        let full = schema_name(&name);
        if schemas.contains_key(&full) {
            continue;
        }
        let Some(known) = parse::named(&name) else {
            continue;
        };
        let mut named = BTreeSet::new();
        schemas.insert(full, object(known, &mut named));
        left.extend(named);
    }
    schemas
}
