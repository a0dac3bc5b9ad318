//! The names of ConfigMaps, Secrets and claims that other objects refer to.

use serde_json::Value;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) kind: String,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
}

/// Calls `see` with kind and name of each reference in `object`.
pub(super) fn visit(object: &mut Value, see: &mut dyn FnMut(&str, &mut String)) {
    // What a ConfigMap or Secret holds is nobody's reference.
    if matches!(object.get("kind").and_then(Value::as_str), Some("ConfigMap" | "Secret")) {
        return;
    }
    walk(object, see);
}

fn walk(value: &mut Value, see: &mut dyn FnMut(&str, &mut String)) {
    match value {
        Value::Object(fields) => {
            for (key, below) in fields.iter_mut() {
                match key.as_str() {
                    "configMapRef" | "configMapKeyRef" | "configMap" => {
                        named(below, "name", "ConfigMap", see);
                    }
                    "secretRef" | "secretKeyRef" => named(below, "name", "Secret", see),
                    "secret" => {
                        named(below, "name", "Secret", see);
                        named(below, "secretName", "Secret", see);
                    }
                    "imagePullSecrets" => {
                        for one in below.as_array_mut().into_iter().flatten() {
                            named(one, "name", "Secret", see);
                        }
                    }
                    "secretName" => {
                        if let Value::String(name) = below {
                            see("Secret", name);
                        }
                    }
                    "persistentVolumeClaim" => {
                        named(below, "claimName", "PersistentVolumeClaim", see);
                    }
                    _ => walk(below, see),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, see)),
        _ => {}
    }
}

fn named(value: &mut Value, key: &str, kind: &str, see: &mut dyn FnMut(&str, &mut String)) {
    if let Some(Value::String(name)) = value.get_mut(key) {
        see(kind, name);
    }
}
