use std::collections::BTreeMap;

use serde_json::Value;

use super::extract::{is_granular, item_key};
use crate::schema::{ListKind, Type};

/// Lays an applied configuration over the live object.
pub(super) fn merge(live: &Value, config: &Value, ty: &Type) -> Value {
    static ANY: Type = Type::Any;
    if !is_granular(live, ty) || !is_granular(config, ty) {
        return config.clone();
    }
    match (live, config) {
        (Value::Object(live), Value::Object(config)) => {
            let mut out = live.clone();
            for (name, wanted) in config {
                let merged = match live.get(name) {
                    Some(present) => merge(present, wanted, ty.field(name).unwrap_or(&ANY)),
                    None => wanted.clone(),
                };
                out.insert(name.clone(), merged);
            }
            Value::Object(out)
        }
        (Value::Array(live), Value::Array(config)) => {
            let key = |item: &Value| match ty.list_kind() {
                ListKind::Keyed(keys) => item_key(item, keys).unwrap_or_else(|| item.to_string()),
                _ => item.to_string(),
            };
            Value::Array(merge_lists(live, config, key, |l, c| merge(l, c, ty.item())))
        }
        _ => config.clone(),
    }
}

/// Merges two lists. The applied order wins; live items that were not applied stay before the item
/// they preceded.
fn merge_lists(
    live: &[Value],
    config: &[Value],
    key: impl Fn(&Value) -> String,
    both: impl Fn(&Value, &Value) -> Value,
) -> Vec<Value> {
    let present: BTreeMap<String, &Value> = live.iter().map(|item| (key(item), item)).collect();
    let wanted: BTreeMap<String, &Value> = config.iter().map(|item| (key(item), item)).collect();
    let mut out = Vec::new();
    let mut applied = config.iter();
    let take = |item: &Value| match present.get(&key(item)) {
        Some(live) => both(live, item),
        None => item.clone(),
    };
    for item in live {
        if !wanted.contains_key(&key(item)) {
            out.push(item.clone());
            continue;
        }
        // New items before the next one that is also live go where they were applied.
        for next in applied.by_ref() {
            out.push(take(next));
            if present.contains_key(&key(next)) {
                break;
            }
        }
    }
    out.extend(applied.map(take));
    out
}
