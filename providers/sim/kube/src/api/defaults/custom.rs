use serde_json::{Value, json};

use super::fill::{below, default};
use crate::store::timestamp;

pub(super) fn definition(object: &mut Value) {
    let spec = below(object, "spec");
    default(below(spec, "conversion"), "strategy", json!("None"));
    let names = below(spec, "names");
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    if !kind.is_empty() {
        default(names, "singular", json!(kind.to_lowercase()));
        default(names, "listKind", json!(format!("{kind}List")));
    }
}

/// Accepts the names and establishes the definition at once: nothing else serves kinds here.
pub(super) fn established(object: &mut Value, old: Option<&Value>) {
    let at = timestamp(jiff::Timestamp::now());
    let condition = |kind: &str, reason: &str, message: &str| {
        let before = old.and_then(|old| {
            old["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind).cloned()
        });
        before.unwrap_or_else(|| {
            json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": at})
        })
    };
    let stored: Vec<Value> = object["spec"]["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|version| version["storage"] == true)
        .map(|version| version["name"].clone())
        .collect();
    object["status"] = json!({
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": object["spec"]["names"],
        "storedVersions": stored,
    });
}
