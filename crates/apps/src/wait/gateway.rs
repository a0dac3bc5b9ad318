//! When objects of the Gateway API are ready. They carry neither `Ready` nor `Available`.

use serde_json::Value;

use super::{
    Health,
    reader::{condition, condition_of, outdated, text},
};

pub(super) fn class(object: &Value) -> Health {
    all(object, object.get("status"), &["Accepted"], "")
}

pub(super) fn gateway(object: &Value) -> Health {
    all(object, object.get("status"), &["Accepted", "Programmed"], "")
}

/// Judges a route by each Gateway that it names: one answer says nothing about the others.
pub(super) fn route(object: &Value) -> Health {
    let list = |path: &str| object.pointer(path).and_then(Value::as_array);
    let wanted = list("/spec/parentRefs").map_or(0, Vec::len);
    let parents = list("/status/parents").map(Vec::as_slice).unwrap_or_default();
    if parents.len() < wanted {
        return Health::Waiting(format!(
            "{} of {wanted} Gateways have looked at it",
            parents.len()
        ));
    }
    let of = |parent: &Value| {
        let name = format!("for the Gateway {}: ", text(parent, "/parentRef/name"));
        all(object, Some(parent), &["Accepted", "ResolvedRefs"], &name)
    };
    parents.iter().map(of).find(|health| *health != Health::Ready).unwrap_or(Health::Ready)
}

/// Judges a policy or a ListenerSet, where a controller has said something; some never do.
pub(super) fn other(object: &Value) -> Health {
    match condition(object, "Accepted") {
        None => Health::Ready,
        Some(_) => all(object, object.get("status"), &["Accepted"], ""),
    }
}

fn all(object: &Value, holder: Option<&Value>, names: &[&str], place: &str) -> Health {
    for name in names {
        match holder.and_then(|holder| condition_of(holder, name)) {
            None => return Health::Waiting(format!("{place}it has no condition {name} yet")),
            Some(found) if outdated(object, &found) => {
                let why = format!("{place}its condition {name} is about an earlier generation");
                return Health::Waiting(why);
            }
            Some(found) if found.is_true => {}
            Some(found) => {
                return Health::Waiting(format!(
                    "{place}{name} is {}{}",
                    found.status,
                    found.why()
                ));
            }
        }
    }
    Health::Ready
}
