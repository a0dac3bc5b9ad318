use serde_json::{Map, Value};

use crate::api::error::{ApiError, ApiResult};
use crate::schema::{ListKind, Type};

/// Applies Kubernetes' strategic merge patch. Lists of the built-in kinds merge by their keys.
/// Directives (`$patch`, `$retainKeys`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`) say
/// more.
pub(crate) fn strategic_merge(object: &Value, patch: &Value, ty: &Type) -> ApiResult<Value> {
    let (Value::Object(fields), Value::Object(patch)) = (object, patch) else {
        return Ok(patch.clone());
    };
    Ok(Value::Object(merge_object(fields, patch, ty)?))
}

fn merge_object(
    object: &Map<String, Value>,
    patch: &Map<String, Value>,
    ty: &Type,
) -> ApiResult<Map<String, Value>> {
    static ANY: Type = Type::Any;
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => return Ok(without_directives(patch)),
        Some("delete") => return Ok(Map::new()),
        Some("merge") | None => {}
        Some(other) => {
            return Err(ApiError::bad_request(format!("unknown patch type: {other}")));
        }
    }
    let mut out = object.clone();
    if let Some(keep) = patch.get("$retainKeys").and_then(Value::as_array) {
        out.retain(|key, _| keep.iter().any(|kept| kept == key));
    }
    for (name, values) in patch {
        if let Some(field) = name.strip_prefix("$deleteFromPrimitiveList/")
            && let (Some(list), Some(values)) =
                (out.get_mut(field).and_then(Value::as_array_mut), values.as_array())
        {
            list.retain(|item| !values.contains(item));
        }
    }
    for (name, wanted) in patch.iter().filter(|(name, _)| !name.starts_with('$')) {
        let ty = ty.field(name).unwrap_or(&ANY);
        let order = patch.get(&format!("$setElementOrder/{name}")).and_then(Value::as_array);
        match (out.get(name), wanted) {
            (_, Value::Null) => {
                out.remove(name);
            }
            (Some(Value::Object(present)), Value::Object(wanted)) => {
                if wanted.get("$patch").and_then(Value::as_str) == Some("delete") {
                    out.remove(name);
                } else {
                    let merged = merge_object(present, wanted, ty)?;
                    out.insert(name.clone(), Value::Object(merged));
                }
            }
            (present, Value::Array(wanted)) => {
                let none = Vec::new();
                let present = present.and_then(Value::as_array).unwrap_or(&none);
                let merged = merge_list(name, present, wanted, order, ty)?;
                out.insert(name.clone(), Value::Array(merged));
            }
            (_, wanted) => {
                out.insert(name.clone(), clean(wanted));
            }
        }
    }
    // An order without a patch of the list only sorts it.
    for (name, order) in patch {
        if let Some(field) = name.strip_prefix("$setElementOrder/")
            && !patch.contains_key(field)
            && let (Some(Value::Array(list)), Some(order)) = (out.get(field), order.as_array())
        {
            let key = merge_key(field, ty.field(field).unwrap_or(&ANY));
            let sorted = in_order(list.clone(), list, order, key.as_deref());
            out.insert(field.to_owned(), Value::Array(sorted));
        }
    }
    Ok(out)
}

/// Returns the one key strategic merges use; `None` for lists that are replaced or hold plain
/// values.
fn merge_key(field: &str, ty: &Type) -> Option<String> {
    match ty.list_kind() {
        ListKind::Keyed(keys) => keys.first().cloned(),
        // One value to server-side apply, but merged by patches.
        _ if field == "taints" => Some("key".into()),
        _ => None,
    }
}

fn merge_list(
    field: &str,
    present: &[Value],
    patch: &[Value],
    order: Option<&Vec<Value>>,
    ty: &Type,
) -> ApiResult<Vec<Value>> {
    let directive = |item: &Value| item.get("$patch").and_then(Value::as_str).map(str::to_owned);
    let Some(key) = merge_key(field, ty) else {
        if matches!(field, "finalizers" | "podCIDRs") {
            let mut out = present.to_vec();
            for item in patch {
                if !out.contains(item) {
                    out.push(item.clone());
                }
            }
            return Ok(match order {
                Some(order) => in_order(out, present, order, None),
                None => out,
            });
        }
        return Ok(patch.iter().map(clean).collect());
    };
    if patch.iter().any(|item| directive(item).as_deref() == Some("replace")) {
        return Ok(patch.iter().filter(|item| directive(item).is_none()).map(clean).collect());
    }
    let mut out = present.to_vec();
    for item in patch {
        let Some(value) = item.get(&key) else {
            return Err(ApiError::bad_request(format!(
                "map: {item} does not contain declared merge key: {key}"
            )));
        };
        let at = out.iter().position(|present| present.get(&key) == Some(value));
        match (directive(item).as_deref(), at) {
            (Some("delete"), _) => out.retain(|present| present.get(&key) != Some(value)),
            (_, Some(at)) => out[at] = strategic_merge(&out[at], item, ty.item())?,
            (_, None) => out.push(clean(item)),
        }
    }
    Ok(match order {
        Some(order) => in_order(out, present, order, Some(&key)),
        None => out,
    })
}

/// Sorts: what the order names comes in that order; the rest stays where it was relative to it.
fn in_order(items: Vec<Value>, before: &[Value], order: &[Value], key: Option<&str>) -> Vec<Value> {
    let id = |item: &Value| match key {
        Some(key) => item.get(key).cloned().unwrap_or_default(),
        None => item.clone(),
    };
    let order: Vec<Value> = order.iter().map(id).collect();
    let rank = |item: &Value| order.iter().position(|wanted| *wanted == id(item));
    let was = |item: &Value| before.iter().position(|present| id(present) == id(item));
    let (mut named, rest): (Vec<Value>, Vec<Value>) =
        items.into_iter().partition(|item| rank(item).is_some());
    named.sort_by_key(|item| rank(item));
    let mut out = Vec::new();
    let mut rest = rest.into_iter().peekable();
    for item in named {
        while let Some(other) = rest.peek() {
            match (was(other), was(&item)) {
                (Some(other), Some(item)) if other < item => out.extend(rest.next()),
                _ => break,
            }
        }
        out.push(item);
    }
    out.extend(rest);
    out
}

fn clean(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(without_directives(fields)),
        Value::Array(items) => Value::Array(
            items
                .iter()
                .filter(|item| item.get("$patch") != Some(&"delete".into()))
                .map(clean)
                .collect(),
        ),
        other => other.clone(),
    }
}

fn without_directives(fields: &Map<String, Value>) -> Map<String, Value> {
    fields
        .iter()
        .filter(|(name, value)| !name.starts_with('$') && !value.is_null())
        .map(|(name, value)| (name.clone(), clean(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::root_type;
    use serde_json::json;

    fn patched(object: Value, patch: Value) -> Value {
        strategic_merge(&object, &patch, &root_type("apps", "v1", "Deployment").unwrap()).unwrap()
    }

    fn containers(names: &[&str]) -> Value {
        let list: Vec<Value> =
            names.iter().map(|n| json!({"name": n, "image": format!("{n}:1")})).collect();
        json!({"spec": {"template": {"spec": {"containers": list}}}})
    }

    #[test]
    fn containers_merge_by_name_and_take_the_given_order() {
        let patch = json!({"spec": {"template": {"spec": {
            "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
            "containers": [{"name": "c", "image": "c:2"}, {"name": "b", "$patch": "delete"}]}}}});
        let out = patched(containers(&["a", "b"]), patch);
        assert_eq!(
            out["spec"]["template"]["spec"]["containers"],
            json!([{"name": "c", "image": "c:2"}, {"name": "a", "image": "a:1"}])
        );
    }

    #[test]
    fn retain_keys_drops_the_others_and_null_removes() {
        let object = json!({"spec": {"replicas": 2, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
        let patch = json!({"spec": {"replicas": null, "strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
        assert_eq!(patched(object, patch), json!({"spec": {"strategy": {"type": "Recreate"}}}));
    }

    #[test]
    fn finalizers_and_taints_are_merged_and_args_replaced() {
        let object = json!({"metadata": {"finalizers": ["a", "b"]}, "spec": {"taints": [{"key": "x", "effect": "NoSchedule"}]}});
        let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]},
            "spec": {"taints": [{"key": "y", "effect": "NoExecute"}]}});
        let out = strategic_merge(&object, &patch, &root_type("", "v1", "Node").unwrap()).unwrap();
        assert_eq!(out["metadata"]["finalizers"], json!(["b", "c"]));
        assert_eq!(out["spec"]["taints"].as_array().unwrap().len(), 2);
        let mut with_args = containers(&["a"]);
        with_args["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["1", "2"]);
        let patch =
            json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "args": ["3"]}]}}}});
        assert_eq!(
            patched(with_args, patch)["spec"]["template"]["spec"]["containers"][0]["args"],
            json!(["3"])
        );
    }
}
