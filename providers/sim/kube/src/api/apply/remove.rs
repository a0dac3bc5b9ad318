use serde_json::Value;

use super::extract::item_key;
use super::set::FieldSet;
use crate::schema::{ListKind, Type};

/// Takes out of `value` what its applier owned before (`last`) and nobody owns now. A struct of
/// which fields were owned goes as a whole, with the defaults in it, once nothing in it is owned.
pub(super) fn remove_unowned(value: &mut Value, ty: &Type, last: &FieldSet, owned: &FieldSet) {
    static ANY: Type = Type::Any;
    let nothing = FieldSet::default();
    match value {
        Value::Object(fields) => {
            fields.retain(|name, child| {
                let key = format!("f:{name}");
                let Some(was) = last.below.get(&key) else {
                    return true;
                };
                let now = owned.below.get(&key).unwrap_or(&nothing);
                if now.is_empty() {
                    return false;
                }
                remove_unowned(child, ty.field(name).unwrap_or(&ANY), was, now);
                !became_empty(child, was, now)
            });
        }
        Value::Array(items) => {
            let kind = ty.list_kind().clone();
            items.retain_mut(|item| {
                let key = match &kind {
                    ListKind::Keyed(keys) => item_key(item, keys),
                    ListKind::Set => Some(format!("v:{item}")),
                    ListKind::Atomic => None,
                };
                let Some(key) = key else { return true };
                let Some(was) = last.below.get(&key) else {
                    return true;
                };
                let now = owned.below.get(&key).unwrap_or(&nothing);
                if was.member && now.is_empty() {
                    return false;
                }
                remove_unowned(item, ty.item(), was, now);
                true
            });
        }
        _ => {}
    }
}

/// Returns true if something was taken out and nothing remains, nor is the value owned as such.
fn became_empty(value: &Value, last: &FieldSet, owned: &FieldSet) -> bool {
    let empty = match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    empty && !last.below.is_empty() && !owned.member
}
