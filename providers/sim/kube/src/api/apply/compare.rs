use std::collections::BTreeMap;

use serde_json::Value;

use super::extract::{elements, extract, is_granular};
use super::set::FieldSet;
use crate::schema::{ListKind, Type};

/// What a change did to fields.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Fields that are new or have another value.
    pub(super) changed: FieldSet,
    /// Fields that are gone.
    pub(super) removed: FieldSet,
}

/// Compares two forms of an object.
pub(super) fn compare(old: &Value, new: &Value, ty: &Type) -> Comparison {
    let mut out = Comparison::default();
    if old == new {
        return out;
    }
    if !is_granular(old, ty) || !is_granular(new, ty) || old.is_array() != new.is_array() {
        out.changed = added(new, ty);
        return out;
    }
    let before: BTreeMap<_, _> =
        elements(old, ty).into_iter().map(|(key, child, _)| (key, child)).collect();
    let after: BTreeMap<_, _> =
        elements(new, ty).into_iter().map(|(key, child, ty)| (key, (child, ty))).collect();
    for (key, (child, child_ty)) in &after {
        match before.get(key) {
            Some(was) => {
                let below = compare(was, child, child_ty);
                out.changed.put(key.clone(), below.changed);
                out.removed.put(key.clone(), below.removed);
            }
            None => {
                let mut below = added(child, child_ty);
                below.member |= key.starts_with("k:");
                out.changed.put(key.clone(), below);
            }
        }
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        out.removed.below.insert(key.clone(), FieldSet::leaf());
    }
    out
}

/// Collects the fields of a value that is new as a whole: maps and lists count themselves, too.
fn added(value: &Value, ty: &Type) -> FieldSet {
    let mut set = extract(value, ty);
    mark_collections(&mut set, value, ty);
    set
}

fn mark_collections(set: &mut FieldSet, value: &Value, ty: &Type) {
    set.member |=
        matches!(ty, Type::Map(..)) || matches!(ty.list_kind(), ListKind::Keyed(_) | ListKind::Set);
    for (key, child, child_ty) in elements(value, ty) {
        if is_granular(child, child_ty)
            && let Some(below) = set.below.get_mut(&key)
        {
            mark_collections(below, child, child_ty);
        }
    }
}
