use serde_json::{Value, json};

use super::compare::compare;
use super::extract::strip;
use super::set::FieldSet;
use crate::api::kind::Kind;
use crate::store::{meta_mut, timestamp};

/// Who writes, and how.
#[derive(Debug, Clone)]
pub(crate) struct Tracking {
    pub(crate) manager: String,
    pub(crate) subresource: String,
}

/// One entry of managedFields.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) manager: String,
    pub(super) apply: bool,
    pub(super) version: String,
    pub(super) subresource: String,
    pub(super) time: Option<String>,
    pub(super) set: FieldSet,
}

impl Entry {
    fn from_json(value: &Value) -> Self {
        let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
        Self {
            manager: text("manager"),
            apply: value["operation"] == "Apply",
            version: text("apiVersion"),
            subresource: text("subresource"),
            time: value["time"].as_str().map(str::to_owned),
            set: FieldSet::from_json(&value["fieldsV1"]),
        }
    }

    fn to_json(&self) -> Value {
        let mut value = json!({
            "manager": self.manager, "operation": if self.apply { "Apply" } else { "Update" },
            "apiVersion": self.version, "fieldsType": "FieldsV1", "fieldsV1": self.set.to_json(),
        });
        if let Some(time) = &self.time {
            value["time"] = json!(time);
        }
        if !self.subresource.is_empty() {
            value["subresource"] = json!(self.subresource);
        }
        value
    }

    /// Writes it as conflict messages name it.
    pub(super) fn spoken(&self) -> String {
        let mut text = format!("\"{}\"", self.manager);
        if !self.subresource.is_empty() {
            text += &format!(" with subresource \"{}\"", self.subresource);
        }
        if !self.apply {
            text += &format!(" using {}", self.version);
            if let Some(time) = &self.time {
                text += &format!(" at {time}");
            }
        }
        text
    }
}

pub(super) fn read(object: &Value) -> Vec<Entry> {
    let entries = object["metadata"]["managedFields"].as_array();
    entries.into_iter().flatten().map(Entry::from_json).collect()
}

pub(super) fn write(object: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|entry| !entry.set.is_empty());
    let meta = meta_mut(object);
    if entries.is_empty() {
        meta.remove("managedFields");
        return;
    }
    // Appliers first, then by time.
    entries.sort_by(|a, b| (b.apply, &a.time, &a.manager).cmp(&(a.apply, &b.time, &b.manager)));
    let entries: Vec<Value> = entries.iter().map(Entry::to_json).collect();
    meta.insert("managedFields".into(), json!(entries));
}

pub(super) fn now() -> Option<String> {
    Some(timestamp(jiff::Timestamp::now()))
}

/// Records what a write other than apply changed: those fields are its manager's, and no longer
/// the others'.
pub(crate) fn track_update(kind: &Kind, old: Option<&Value>, new: &mut Value, by: &Tracking) {
    // The client emptied it on purpose: ownership starts again from nothing.
    let reset = new["metadata"]["managedFields"]
        .as_array()
        .is_some_and(|list| list.is_empty() || list.iter().all(|entry| entry == &json!({})));
    let mut entries = match old {
        Some(_) if reset => Vec::new(),
        Some(old) if new["metadata"]["managedFields"].is_null() => read(old),
        Some(_) => read(new),
        None => Vec::new(),
    };
    meta_mut(new).remove("managedFields");
    let empty = json!({});
    let mut before = old.cloned().unwrap_or(empty);
    meta_mut(&mut before).remove("managedFields");
    let mut diff = compare(&before, new, &kind.schema);
    let status_too = kind.has_status() && by.subresource.is_empty();
    strip(&mut diff.changed, status_too);
    strip(&mut diff.removed, false);
    if reset {
        write(new, Vec::new());
        return;
    }
    let mine = |entry: &Entry| {
        !entry.apply && entry.manager == by.manager && entry.subresource == by.subresource
    };
    let mut found = false;
    for entry in &mut entries {
        let mut set = entry.set.without_subtrees(&diff.removed);
        if mine(entry) {
            found = true;
            set.union(&diff.changed);
        } else {
            set = set.difference(&diff.changed);
        }
        if set != entry.set {
            if mine(entry) {
                entry.time = now();
                entry.version = kind.api_version();
            }
            entry.set = set;
        }
    }
    if !found && !diff.changed.is_empty() {
        entries.push(Entry {
            manager: by.manager.clone(),
            apply: false,
            version: kind.api_version(),
            subresource: by.subresource.clone(),
            time: now(),
            set: diff.changed,
        });
    }
    write(new, entries);
}

/// Returns true if two forms of an object differ at most in when fields were last claimed.
pub(crate) fn same_but_ownership(old: &Value, new: &Value) -> bool {
    let plain = |object: &Value| {
        let mut object = object.clone();
        let sets: Vec<_> = read(&object)
            .into_iter()
            .map(|entry| {
                (
                    entry.manager,
                    entry.apply,
                    entry.subresource,
                    entry.version,
                    entry.set.to_json().to_string(),
                )
            })
            .collect();
        let meta = meta_mut(&mut object);
        for field in ["managedFields", "resourceVersion", "generation"] {
            meta.remove(field);
        }
        (object, sets)
    };
    let ((a, mut sets_a), (b, mut sets_b)) = (plain(old), plain(new));
    sets_a.sort();
    sets_b.sort();
    a == b && sets_a == sets_b
}
