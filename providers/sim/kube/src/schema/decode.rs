use serde_json::{Map, Value};

use super::types::{Struct, Type};
use crate::quantity::Quantity;

/// What reading an object by its type found.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// Fields the type does not have; they were taken out.
    pub(crate) unknown: Vec<String>,
    /// The first value of a wrong type, as Go's decoder words it.
    pub(crate) mismatch: Option<String>,
}

/// Brings a value into the form the API server keeps: nulls, unknown fields and empty optional
/// lists and maps go, quantities become canonical, custom defaults come in.
pub(crate) fn decode(value: &mut Value, ty: &Type) -> Decoded {
    let mut walk = Walk { found: Decoded::default() };
    walk.value(value, ty, "", "");
    walk.found
}

struct Walk {
    found: Decoded,
}

impl Walk {
    fn value(&mut self, value: &mut Value, ty: &Type, path: &str, owner: &str) {
        let fits = match ty {
            Type::Any => true,
            Type::String | Type::Time | Type::Bytes => value.is_string(),
            Type::Integer => value.is_i64() || value.is_u64(),
            Type::Number => value.is_number(),
            Type::Boolean => value.is_boolean(),
            Type::IntOrString => value.is_string() || value.is_i64(),
            Type::Quantity => self.quantity(value),
            Type::List(item, _) => self.list(value, item, path, owner),
            Type::Map(of, _) => self.map(value, of, path, owner),
            Type::Named(_) | Type::Inline(_) => match (ty.as_struct(), value.as_object_mut()) {
                (Some(known), Some(object)) => {
                    self.object(object, known, path);
                    true
                }
                (None, _) => true,
                (_, None) => false,
            },
        };
        if !fits && self.found.mismatch.is_none() {
            self.found.mismatch = Some(mismatch(value, ty, path, owner));
        }
    }

    fn quantity(&self, value: &mut Value) -> bool {
        match Quantity::read(value) {
            Some(quantity) => {
                *value = Value::String(quantity.to_string());
                true
            }
            None => false,
        }
    }

    fn list(&mut self, value: &mut Value, item: &Type, path: &str, owner: &str) -> bool {
        let Some(items) = value.as_array_mut() else {
            return false;
        };
        for (index, value) in items.iter_mut().enumerate() {
            self.value(value, item, &format!("{path}[{index}]"), owner);
        }
        true
    }

    fn map(&mut self, value: &mut Value, of: &Type, path: &str, owner: &str) -> bool {
        let Some(entries) = value.as_object_mut() else {
            return false;
        };
        for (key, value) in entries.iter_mut() {
            // A null in a map of strings is an empty string to Go's decoder.
            if value.is_null() && *of == Type::String {
                *value = Value::String(String::new());
            }
            self.value(value, of, &join(path, key), owner);
        }
        true
    }

    fn object(&mut self, object: &mut Map<String, Value>, known: &Struct, path: &str) {
        let mut unknown = Vec::new();
        object.retain(|key, value| match known.fields.get(key) {
            Some(field) => !value.is_null() || field.ty == Type::Any,
            None if known.open => true,
            None => {
                unknown.push(join(path, key));
                false
            }
        });
        self.found.unknown.extend(unknown);
        for (key, field) in &known.fields {
            if let Some(default) = &field.default
                && !object.contains_key(key)
            {
                object.insert(key.clone(), default.clone());
            }
        }
        let built_in = !known.name.is_empty();
        object.retain(|key, value| {
            let Some(field) = known.fields.get(key) else {
                return true;
            };
            self.value(value, &field.ty, &join(path, key), &known.name);
            !built_in || field.required || !is_empty_collection(value, &field.ty)
        });
    }
}

fn is_empty_collection(value: &Value, ty: &Type) -> bool {
    match (ty, value) {
        (Type::List(..), Value::Array(items)) => items.is_empty(),
        (Type::Map(..), Value::Object(entries)) => entries.is_empty(),
        _ => false,
    }
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

fn mismatch(value: &Value, ty: &Type, path: &str, owner: &str) -> String {
    let owner = owner.rsplit('.').next().unwrap_or_default();
    if *ty == Type::Quantity {
        return "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'".into();
    }
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let wanted = match ty {
        Type::String | Type::Time => "string".to_owned(),
        Type::Bytes => "[]uint8".into(),
        Type::Integer => "int32".into(),
        Type::Number => "float64".into(),
        Type::Boolean => "bool".into(),
        Type::IntOrString => "intstr.IntOrString".into(),
        Type::Map(..) => "map[string]string".into(),
        Type::List(item, _) => match item.as_struct() {
            Some(item) => format!("[]{}", go_name(&item.name)),
            None => "[]string".into(),
        },
        _ => ty.as_struct().map_or_else(|| "object".into(), |known| go_name(&known.name)),
    };
    let plain: String = strip_indices(path);
    format!("json: cannot unmarshal {got} into Go struct field {owner}.{plain} of type {wanted}")
}

fn strip_indices(path: &str) -> String {
    let mut depth = 0;
    path.chars()
        .filter(|c| {
            depth += i32::from(*c == '[');
            let keep = depth == 0;
            depth -= i32::from(*c == ']');
            keep
        })
        .collect()
}

/// Turns `core.v1.Container` into `v1.Container`.
fn go_name(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        [.., version, name] if *version != "meta" => format!("{version}.{name}"),
        [.., name] => format!("v1.{name}"),
        [] => "object".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::root_type;
    use serde_json::json;

    #[test]
    fn unknown_fields_and_nulls_go_and_amounts_are_canonical() {
        let ty = root_type("apps", "v1", "Deployment").unwrap();
        let mut value = json!({"metadata": {"name": "a", "creationTimestamp": null, "labels": {}},
            "spec": {"replica": 1, "template": {"spec": {"containers": [
                {"name": "a", "resources": {"limits": {"cpu": 0.5}}, "imag": "x"}]}}}});
        let found = decode(&mut value, &ty);
        assert_eq!(found.unknown, ["spec.replica", "spec.template.spec.containers[0].imag"]);
        assert_eq!(found.mismatch, None);
        assert_eq!(
            value,
            json!({"metadata": {"name": "a"}, "spec": {"template": {"spec":
            {"containers": [{"name": "a", "resources": {"limits": {"cpu": "500m"}}}]}}}})
        );
    }

    #[test]
    fn a_wrong_type_is_told_as_the_server_tells_it() {
        let ty = root_type("apps", "v1", "Deployment").unwrap();
        let mut value = json!({"spec": {"replicas": "3"}});
        assert_eq!(
            decode(&mut value, &ty).mismatch.unwrap(),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        );
    }
}
