use serde_json::Value;

use crate::api::field_error::{Errors, FieldError};
use crate::api::kind::Kind;
use crate::schema::{ListKind, Type};

/// Checks the required fields that have no rule of their own, as the type has them. It also checks
/// that no two items of a keyed list have the same keys.
pub(super) fn check(kind: &Kind, object: &Value, errors: &mut Errors) {
    for field in [
        "spec",
        "data",
        "webhooks",
        "roleRef",
        "subjects",
        "rules",
        "involvedObject",
        "handler",
        "provisioner",
    ] {
        if let (Some(value), Some(ty)) = (object.get(field), kind.schema.field(field)) {
            walk(value, ty, field, errors);
        }
    }
}

fn walk(value: &Value, ty: &Type, path: &str, errors: &mut Errors) {
    match value {
        Value::Object(fields) => {
            if let Some(known) = ty.as_struct() {
                for (name, field) in known.fields.iter().filter(|(_, field)| field.required) {
                    if !fields.contains_key(name) && !optional(&known.name, name) {
                        let _ = field;
                        errors.push(FieldError::required(format!("{path}.{name}"), ""));
                    }
                }
            }
            for (name, child) in fields {
                if let Some(child_ty) = ty.field(name) {
                    walk(child, child_ty, &format!("{path}.{name}"), errors);
                }
            }
        }
        Value::Array(items) => {
            let keys = match ty.list_kind() {
                ListKind::Keyed(keys) => keys.as_slice(),
                _ => &[],
            };
            let mut seen = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let at = format!("{path}[{index}]");
                walk(item, ty.item(), &at, errors);
                let Some(key) = crate::api::apply::item_key(item, keys) else {
                    continue;
                };
                // Environment variables and container ports may repeat: the last one wins.
                let may_repeat = path.ends_with(".env")
                    || path.ends_with(".ports")
                    || path.ends_with(".imagePullSecrets");
                if seen.contains(&key) && !may_repeat {
                    let shown = keys.first().map_or(Value::Null, |key| item[key.as_str()].clone());
                    errors.push(FieldError::duplicate(
                        keys.first().map_or(at.clone(), |key| format!("{at}.{key}")),
                        shown,
                    ));
                }
                seen.push(key);
            }
        }
        _ => {}
    }
}

/// Returns true for fields the type calls required only because they are never absent from what the
/// server answers.
fn optional(owner: &str, field: &str) -> bool {
    let owner = owner.rsplit('.').next().unwrap_or_default();
    matches!(
        (owner, field),
        (
            "LocalObjectReference"
                | "ConfigMapEnvSource"
                | "ConfigMapProjection"
                | "ConfigMapVolumeSource"
                | "SecretProjection",
            "name"
        ) | ("JobSpec" | "DaemonSetSpec", "template")
            | ("Taint" | "NodeCondition", _)
            | ("ClusterRoleBinding" | "RoleBinding", _)
            | ("EndpointPort", _)
            | ("StatefulSetSpec", "serviceName")
            | ("PersistentVolumeClaimSpec", _)
            | (
                "CustomResourceDefinitionSpec"
                    | "CustomResourceDefinitionNames"
                    | "CustomResourceDefinitionVersion",
                _
            )
            | ("PolicyRule", "verbs")
            | ("ConfigMapKeySelector" | "SecretKeySelector", "name")
            | ("ResourceClaim", _)
            | ("JSONSchemaProps", _)
    )
}
