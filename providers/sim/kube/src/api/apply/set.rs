use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A set of fields, as `fieldsV1` writes it: `f:name` a field, `k:{…}` an item by its keys, `v:…` an
/// item by its value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FieldSet {
    /// The field itself is in the set, besides what is below it.
    pub(crate) member: bool,
    pub(crate) below: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    pub(crate) fn leaf() -> Self {
        Self { member: true, below: BTreeMap::new() }
    }

    pub(crate) fn from_json(value: &Value) -> Self {
        let mut set = Self::default();
        for (key, below) in value.as_object().into_iter().flatten() {
            if key == "." {
                set.member = true;
            } else {
                let mut child = Self::from_json(below);
                child.member |= below.as_object().is_none_or(Map::is_empty);
                set.below.insert(key.clone(), child);
            }
        }
        set
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut out = Map::new();
        if self.member && !self.below.is_empty() {
            out.insert(".".into(), json!({}));
        }
        for (key, below) in &self.below {
            out.insert(key.clone(), below.to_json());
        }
        Value::Object(out)
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.member && self.below.values().all(FieldSet::is_empty)
    }

    pub(crate) fn put(&mut self, key: String, below: FieldSet) {
        if !below.is_empty() {
            self.below.insert(key, below);
        }
    }

    pub(crate) fn union(&mut self, other: &FieldSet) {
        self.member |= other.member;
        for (key, below) in &other.below {
            self.below.entry(key.clone()).or_default().union(below);
        }
    }

    /// Returns what is in both.
    pub(crate) fn intersection(&self, other: &FieldSet) -> FieldSet {
        let mut out = FieldSet { member: self.member && other.member, below: BTreeMap::new() };
        for (key, below) in &self.below {
            if let Some(theirs) = other.below.get(key) {
                out.put(key.clone(), below.intersection(theirs));
            }
        }
        out
    }

    /// Returns what is in this one only.
    pub(crate) fn difference(&self, other: &FieldSet) -> FieldSet {
        let mut out = FieldSet { member: self.member && !other.member, below: BTreeMap::new() };
        for (key, below) in &self.below {
            match other.below.get(key) {
                Some(theirs) => out.put(key.clone(), below.difference(theirs)),
                None => out.put(key.clone(), below.clone()),
            }
        }
        out
    }

    /// Returns this set without what is at, or below, a member of the other.
    pub(crate) fn without_subtrees(&self, other: &FieldSet) -> FieldSet {
        if other.member {
            return FieldSet::default();
        }
        let mut out = FieldSet { member: self.member, below: BTreeMap::new() };
        for (key, below) in &self.below {
            match other.below.get(key) {
                Some(theirs) => out.put(key.clone(), below.without_subtrees(theirs)),
                None => out.put(key.clone(), below.clone()),
            }
        }
        out
    }

    /// Lists the paths of the members, as messages write them: `.spec.containers[name="a"].image`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect("", &mut out);
        out
    }

    fn collect(&self, at: &str, out: &mut Vec<String>) {
        if self.member {
            out.push(at.to_owned());
        }
        for (key, below) in &self.below {
            below.collect(&format!("{at}{}", spoken(key)), out);
        }
    }
}

fn spoken(element: &str) -> String {
    match element.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("v", value)) => format!("[={value}]"),
        Some(("k", keys)) => {
            let keys: Value = serde_json::from_str(keys).unwrap_or_default();
            let pairs: Vec<String> =
                keys.as_object().into_iter().flatten().map(|(k, v)| format!("{k}={v}")).collect();
            format!("[{}]", pairs.join(","))
        }
        _ => format!("[{element}]"),
    }
}
