//! Lists: with an order, and without one.

use std::collections::HashMap;

use serde_json::Value;

use super::{After, Lookup, compare::Walk, resolve::as_reference, resolve_known};

/// Lists without an order: elements more and elements less.
pub(super) fn unordered(walk: &mut Walk<'_>, path: &str, after: &[Value], before: &[Value]) {
    let mut left = count(before);
    let mut more = Vec::new();
    let mut unsaid = 0;
    for item in after {
        let reference = as_reference(item);
        let missing = reference
            .as_ref()
            .is_some_and(|reference| matches!((walk.lookup)(reference), Lookup::Missing));
        let (value, known) = resolve_known(item, walk.lookup);
        if missing {
            unsaid += 1;
        } else if !known || !take(&mut left, &value) {
            more.push(match reference {
                Some(reference) if !known => After::Unknown(reference),
                _ => After::Known(value),
            });
        }
    }
    for item in before {
        if take(&mut left, item) {
            // An item that is not known yet may well be this one.
            if unsaid > 0 {
                unsaid -= 1;
            } else {
                walk.push(&format!("{path}[-]"), Some(item), After::Absent);
            }
        }
    }
    for item in more {
        walk.push(&format!("{path}[+]"), None, item);
    }
}

/// Lists with an order: element by element where as many are there, otherwise elements more and
/// less.
pub(super) fn ordered(
    walk: &mut Walk<'_>,
    path: &str,
    after: &[Value],
    before: &[Value],
    recorded: Option<&Value>,
) {
    if after.len() == before.len()
        && after.iter().zip(before).all(|(a, b)| a.is_object() == b.is_object())
    {
        let same_items = after.len() > 1 && after != before && count(after) == count(before);
        if same_items {
            let whole = Value::Array(before.to_vec());
            return walk.push(path, Some(&whole), After::Known(Value::Array(after.to_vec())));
        }
        if after.iter().all(Value::is_object) {
            for (place, (after, before)) in after.iter().zip(before).enumerate() {
                let recorded = recorded.and_then(|recorded| recorded.get(place));
                walk.value(&format!("{path}[{place}]"), after, Some(before), recorded);
            }
            return;
        }
    }
    unordered(walk, path, after, before);
}

fn count(items: &[Value]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for item in items {
        *counts.entry(key(item)).or_default() += 1;
    }
    counts
}

fn take(counts: &mut HashMap<String, usize>, item: &Value) -> bool {
    match counts.get_mut(&key(item)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

fn key(value: &Value) -> String {
    crate::plan::canonical_text(value)
}
