//! Comparing one declared spec with what is observed.

use infra_provider_api::{OnChange, Reference};
use serde_json::Value;

use super::{
    After, FieldChange, Lookup, is_secret, list,
    resolve::{as_reference, has_reference},
};

/// What is compared.
#[derive(Clone, Copy)]
pub struct Compare<'a> {
    /// As declared, with references.
    pub declared: &'a Value,
    /// As it exists.
    pub observed: &'a Value,
    /// As it was last applied, if the state knows. Tells a field that is declared no longer from
    /// one that never was, and stands in for secrets that the cloud does not give back.
    pub recorded: Option<&'a Value>,
    /// What references stand for.
    pub lookup: &'a dyn Fn(&Reference) -> Lookup,
    /// What a change of a top-level field means.
    pub on_change: &'a dyn Fn(&str) -> OnChange,
}

/// Finds every difference that means something, as deep as it goes.
///
/// - Absent and null are equal.
/// - A top-level field that is not declared means nothing, unless it was applied before. Then it is
///   removed.
/// - A list with references in it has no order: ids sort differently than addresses.
/// - Fields that count only when creating are left out.
///
/// ```
/// use infra_engine::diff::{Compare, Lookup, compare};
/// use infra_provider_api::OnChange;
/// use serde_json::json;
///
/// let declared = json!({"size": "large", "tags": ["a", "b"], "image": "ubuntu-24-04"});
/// let observed = json!({"size": "small", "tags": ["a"], "image": "ubuntu-22-04", "created": 1});
/// let changes = compare(&Compare {
///     declared: &declared,
///     observed: &observed,
///     recorded: None,
///     lookup: &|_| Lookup::Missing,
///     on_change: &|field| match field {
///         "size" => OnChange::Replace,
///         "image" => OnChange::CreateOnly,
///         _ => OnChange::Update,
///     },
/// });
/// let seen: Vec<_> = changes.iter().map(|c| (c.path.as_str(), c.forces_replace())).collect();
/// assert_eq!(seen, [("size", true), ("tags[+]", false)]);
/// ```
pub fn compare(what: &Compare<'_>) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let empty = serde_json::Map::new();
    let declared = what.declared.as_object().unwrap_or(&empty);
    for (name, after) in declared {
        let effect = (what.on_change)(name);
        if effect == OnChange::CreateOnly {
            continue;
        }
        let mut walk = Walk { lookup: what.lookup, effect, changes: &mut changes };
        let recorded = what.recorded.and_then(|spec| spec.get(name));
        walk.value(name, after, what.observed.get(name), recorded);
    }
    for (name, before) in what.recorded.and_then(Value::as_object).into_iter().flatten() {
        let now = what.observed.get(name).unwrap_or(&Value::Null);
        if declared.contains_key(name) || before.is_null() || now.is_null() {
            continue;
        }
        let effect = (what.on_change)(name);
        if effect != OnChange::CreateOnly {
            let (path, before) = (name.clone(), Some(now.clone()));
            changes.push(FieldChange { path, before, after: After::Absent, effect });
        }
    }
    changes
}

/// Lists every declared field as a new one, for showing what is created.
pub fn created(
    declared: &Value,
    lookup: &dyn Fn(&Reference) -> Lookup,
    on_change: &dyn Fn(&str) -> OnChange,
) -> Vec<FieldChange> {
    let fields = declared.as_object().into_iter().flatten();
    fields
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| FieldChange {
            path: name.clone(),
            before: None,
            after: after(value, lookup),
            effect: on_change(name),
        })
        .collect()
}

fn after(value: &Value, lookup: &dyn Fn(&Reference) -> Lookup) -> After {
    if is_secret(value) {
        return After::Secret;
    }
    match as_reference(value) {
        Some(reference) => match lookup(&reference) {
            Lookup::Known(value) => After::Known(value),
            Lookup::Later | Lookup::Missing => After::Unknown(reference),
        },
        None => After::Known(super::resolve_known(value, lookup).0),
    }
}

pub(super) struct Walk<'a> {
    pub lookup: &'a dyn Fn(&Reference) -> Lookup,
    pub effect: OnChange,
    pub changes: &'a mut Vec<FieldChange>,
}

impl Walk<'_> {
    pub(super) fn push(&mut self, path: &str, before: Option<&Value>, after: After) {
        let before = before.filter(|value| !value.is_null()).cloned();
        self.changes.push(FieldChange {
            path: path.to_owned(),
            before,
            after,
            effect: self.effect,
        });
    }

    pub(super) fn value(
        &mut self,
        path: &str,
        after: &Value,
        before: Option<&Value>,
        recorded: Option<&Value>,
    ) {
        if let Some(reference) = as_reference(after) {
            return match (self.lookup)(&reference) {
                Lookup::Known(value) => self.value(path, &value, before, recorded),
                Lookup::Later => self.push(path, before, After::Unknown(reference)),
                Lookup::Missing if before.is_none_or(Value::is_null) => {
                    self.push(path, before, After::Unknown(reference));
                }
                Lookup::Missing => {}
            };
        }
        let before = before.filter(|value| !value.is_null());
        if is_secret(after) {
            // The cloud does not give secrets back: then what was last applied counts, and with no
            // record of that either, nothing can be said.
            if before.or(recorded).is_some_and(|known| known != after) {
                self.push(path, before.or(recorded), After::Secret);
            }
            return;
        }
        match (after, before) {
            (Value::Null, None) => {}
            (Value::Null, Some(_)) => self.push(path, before, After::Absent),
            (Value::Object(after), Some(Value::Object(before))) => {
                self.object(path, after, before, recorded);
            }
            (Value::Array(after), Some(Value::Array(before))) => {
                if after.iter().any(has_reference) {
                    list::unordered(self, path, after, before);
                } else {
                    list::ordered(self, path, after, before, recorded);
                }
            }
            (Value::Object(after), None) if after.is_empty() => {}
            (Value::Array(after), None) if after.is_empty() => {}
            (after, Some(before)) if same_scalar(after, before) => {}
            (value, _) => {
                let value = self::after(value, self.lookup);
                self.push(path, before, value);
            }
        }
    }

    fn object(
        &mut self,
        path: &str,
        after: &serde_json::Map<String, Value>,
        before: &serde_json::Map<String, Value>,
        recorded: Option<&Value>,
    ) {
        for (name, value) in after {
            let recorded = recorded.and_then(|recorded| recorded.get(name));
            self.value(&format!("{path}.{name}"), value, before.get(name), recorded);
        }
        for (name, value) in before {
            if !after.contains_key(name) && !value.is_null() {
                self.push(&format!("{path}.{name}"), Some(value), After::Absent);
            }
        }
    }
}

fn same_scalar(after: &Value, before: &Value) -> bool {
    after == before
        || match (after, before) {
            // 1 and 1.0 differ in JSON's types only.
            (Value::Number(after), Value::Number(before)) => after.as_f64() == before.as_f64(),
            _ => false,
        }
}
