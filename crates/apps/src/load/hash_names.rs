//! Names that carry a hash of the content: a change makes a new object, and rolls the pods that use
//! it. The old one is pruned when they have.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::references;
use crate::{HASH_NAME_ANNOTATION, Object};

/// Characters of the hash in a name.
const HASH_LENGTH: usize = 8;

/// Renames the ConfigMaps and Secrets that ask for it, and all references to them.
pub(super) fn rename(objects: &mut [Object]) {
    let mut names: BTreeMap<references::Name, String> = BTreeMap::new();
    for object in objects.iter_mut() {
        let is_data =
            object.id.group.is_empty() && matches!(object.id.kind.as_str(), "ConfigMap" | "Secret");
        if !is_data || object.annotation(HASH_NAME_ANNOTATION) != Some("true") {
            continue;
        }
        let hashed = format!("{}-{}", object.id.name, hash(&object.value));
        let old = references::Name {
            kind: object.id.kind.clone(),
            namespace: object.id.namespace.clone(),
            name: object.id.name.clone(),
        };
        names.insert(old, hashed.clone());
        object.value["metadata"]["name"] = json!(hashed);
        object.id.name = hashed;
    }
    if names.is_empty() {
        return;
    }
    for object in objects {
        let namespace = object.id.namespace.clone();
        references::visit(&mut object.value, &mut |kind, name| {
            let wanted = references::Name {
                kind: kind.to_owned(),
                namespace: namespace.clone(),
                name: name.clone(),
            };
            if let Some(hashed) = names.get(&wanted) {
                name.clone_from(hashed);
            }
        });
    }
}

/// Hashes what pods see of it, with sorted keys.
fn hash(object: &Value) -> String {
    let mut hash = Sha256::new();
    for part in ["data", "binaryData", "stringData"] {
        let Some(Value::Object(entries)) = object.get(part) else { continue };
        let sorted: BTreeMap<&String, &Value> = entries.iter().collect();
        hash.update(json!([part, sorted]).to_string());
    }
    hex::encode(hash.finalize())[..HASH_LENGTH].to_owned()
}
