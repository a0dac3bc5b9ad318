//! Reading Kubernetes objects held as JSON values.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

static NULL: Value = Value::Null;
static EMPTY: &[Value] = &[];

/// Short accessors; what is missing reads as empty, zero or null.
pub trait ObjectExt {
    /// Returns the value at a JSON pointer, or null.
    fn at(&self, pointer: &str) -> &Value;
    /// Returns the string at a JSON pointer, or `""`.
    fn str_at(&self, pointer: &str) -> &str;
    /// Returns the integer at a JSON pointer.
    fn int_at(&self, pointer: &str) -> Option<i64>;
    /// Returns the boolean at a JSON pointer, false if missing.
    fn flag_at(&self, pointer: &str) -> bool;
    /// Returns the array at a JSON pointer, or an empty one.
    fn list_at(&self, pointer: &str) -> &[Value];
    /// Returns the map of strings at a JSON pointer (labels, selectors).
    fn strings_at(&self, pointer: &str) -> BTreeMap<String, String>;
    /// Returns `metadata.name`.
    fn name(&self) -> &str;
    /// Returns `metadata.namespace`, `""` for cluster-scoped objects.
    fn ns(&self) -> &str;
    /// Returns `metadata.uid`.
    fn uid(&self) -> &str;
    /// Returns the value of a label.
    fn label(&self, key: &str) -> Option<&str>;
    /// Returns the value of an annotation.
    fn annotation(&self, key: &str) -> Option<&str>;
    /// Returns true if `metadata.deletionTimestamp` is set.
    fn is_deleting(&self) -> bool;
    /// Returns the owner reference with `controller: true`.
    fn controller_ref(&self) -> Option<&Value>;
    /// Returns the uid of the controlling owner, or `""`.
    fn controller_uid(&self) -> &str;
    /// Returns true if the finalizer is present.
    fn has_finalizer(&self, finalizer: &str) -> bool;
    /// Returns a timestamp at a JSON pointer.
    fn time_at(&self, pointer: &str) -> Option<Timestamp>;
    /// Returns the condition of that type in `status.conditions`.
    fn condition(&self, kind: &str) -> Option<&Value>;
    /// Returns true if the condition of that type has status `True`.
    fn condition_true(&self, kind: &str) -> bool;
}

impl ObjectExt for Value {
    fn at(&self, pointer: &str) -> &Value {
        // Unlike `Value::pointer` without escapes, which no field name needs: this is read often.
        let mut at = self;
        for key in pointer.split('/').skip(1) {
            at = match at {
                Value::Object(map) => map.get(key).unwrap_or(&NULL),
                Value::Array(list) => {
                    key.parse().ok().and_then(|i: usize| list.get(i)).unwrap_or(&NULL)
                }
                _ => return &NULL,
            };
        }
        at
    }
    fn str_at(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or("")
    }
    fn int_at(&self, pointer: &str) -> Option<i64> {
        self.at(pointer).as_i64()
    }
    fn flag_at(&self, pointer: &str) -> bool {
        self.at(pointer).as_bool().unwrap_or(false)
    }
    fn list_at(&self, pointer: &str) -> &[Value] {
        self.at(pointer).as_array().map_or(EMPTY, Vec::as_slice)
    }
    fn strings_at(&self, pointer: &str) -> BTreeMap<String, String> {
        string_map(self.at(pointer))
    }
    fn name(&self) -> &str {
        self["metadata"]["name"].as_str().unwrap_or("")
    }
    fn ns(&self) -> &str {
        self["metadata"]["namespace"].as_str().unwrap_or("")
    }
    fn uid(&self) -> &str {
        self["metadata"]["uid"].as_str().unwrap_or("")
    }
    fn label(&self, key: &str) -> Option<&str> {
        self["metadata"]["labels"][key].as_str()
    }
    fn annotation(&self, key: &str) -> Option<&str> {
        self["metadata"]["annotations"][key].as_str()
    }
    fn is_deleting(&self) -> bool {
        self["metadata"]["deletionTimestamp"].is_string()
    }
    fn controller_ref(&self) -> Option<&Value> {
        self.list_at("/metadata/ownerReferences").iter().find(|o| o["controller"] == json!(true))
    }
    fn controller_uid(&self) -> &str {
        self.controller_ref().and_then(|o| o["uid"].as_str()).unwrap_or("")
    }
    fn has_finalizer(&self, finalizer: &str) -> bool {
        self.list_at("/metadata/finalizers").iter().any(|f| f == finalizer)
    }
    fn time_at(&self, pointer: &str) -> Option<Timestamp> {
        self.str_at(pointer).parse().ok()
    }
    fn condition(&self, kind: &str) -> Option<&Value> {
        self.list_at("/status/conditions").iter().find(|c| c["type"] == kind)
    }
    fn condition_true(&self, kind: &str) -> bool {
        self.condition(kind).is_some_and(|c| c["status"] == "True")
    }
}

/// Reads a JSON object of strings as a map; other values are left out.
pub fn string_map(v: &Value) -> BTreeMap<String, String> {
    v.as_object().map_or_else(BTreeMap::new, |m| {
        m.iter().filter_map(|(k, v)| v.as_str().map(|s| (k.clone(), s.to_owned()))).collect()
    })
}

/// Returns the object under `key`; it is made if missing or if it is not an object.
pub fn child<'a>(v: &'a mut Value, key: &str) -> &'a mut Value {
    if !v.is_object() {
        *v = Value::Object(Map::new());
    }
    let slot = &mut v[key];
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot
}

/// Sets a label.
pub fn set_label(o: &mut Value, key: &str, value: &str) {
    child(child(o, "metadata"), "labels")[key] = json!(value);
}

/// Sets an annotation.
pub fn set_annotation(o: &mut Value, key: &str, value: &str) {
    child(child(o, "metadata"), "annotations")[key] = json!(value);
}

/// Removes an annotation.
pub fn drop_annotation(o: &mut Value, key: &str) {
    if let Some(m) = o.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        m.remove(key);
    }
}

/// Adds a finalizer once.
pub fn add_finalizer(o: &mut Value, finalizer: &str) {
    if o.has_finalizer(finalizer) {
        return;
    }
    let meta = child(o, "metadata");
    match meta.get_mut("finalizers").and_then(Value::as_array_mut) {
        Some(list) => list.push(json!(finalizer)),
        None => meta["finalizers"] = json!([finalizer]),
    }
}

/// Removes a finalizer, and the list when it is empty.
pub fn remove_finalizer(o: &mut Value, finalizer: &str) {
    let Some(meta) = o.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    let empty = match meta.get_mut("finalizers").and_then(Value::as_array_mut) {
        Some(list) => {
            list.retain(|f| f != finalizer);
            list.is_empty()
        }
        None => false,
    };
    if empty {
        meta.remove("finalizers");
    }
}

/// Makes an owner reference with `controller` and `blockOwnerDeletion` set.
pub fn owner_ref(api_version: &str, kind: &str, owner: &Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind, "name": owner.name(), "uid": owner.uid(),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// Returns the namespace as the store wants it: none for cluster-scoped objects.
pub fn opt(ns: &str) -> Option<&str> {
    (!ns.is_empty()).then_some(ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finalizers_are_added_once_and_the_empty_list_goes() {
        let mut o = json!({"metadata": {"name": "a"}});
        add_finalizer(&mut o, "x");
        add_finalizer(&mut o, "x");
        assert_eq!(o["metadata"]["finalizers"], json!(["x"]));
        remove_finalizer(&mut o, "x");
        assert!(o["metadata"].get("finalizers").is_none());
    }

    #[test]
    fn pointers_lead_through_maps_and_lists() {
        let o = json!({"a": [{"b": 1}]});
        assert_eq!(o.int_at("/a/0/b"), Some(1));
        assert_eq!(o.at(""), &o);
        for missing in ["/a/1/b", "/a/x", "/a/0/b/c", "/z"] {
            assert!(o.at(missing).is_null(), "{missing}");
        }
    }

    #[test]
    fn the_controller_is_the_marked_owner() {
        let o = json!({"metadata": {"ownerReferences": [
            {"uid": "1"}, {"uid": "2", "controller": true}]}});
        assert_eq!(o.controller_uid(), "2");
    }
}
