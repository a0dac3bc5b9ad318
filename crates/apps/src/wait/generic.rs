//! The rule for every kind that follows Kubernetes' conventions for a status, custom resources above
//! all: first the generation that the controller has seen, then what its conditions say. Helm 4, Flux
//! and kstatus judge by the same.

use serde_json::Value;

use super::{
    Health,
    reader::{condition, outdated},
};

/// The conditions that say whether an object is ready, the first that is there counts.
const READY: [&str; 2] = ["Ready", "Available"];

/// Judges by `observedGeneration` and conditions. Without either nothing speaks against the object.
pub(super) fn generic(object: &Value) -> Health {
    if let Some(unseen) = unseen(object) {
        return unseen;
    }
    let current = |name| condition(object, name).filter(|found| !outdated(object, found));
    if let Some(stalled) = current("Stalled").filter(|found| found.is_true) {
        return Health::Failed(format!("it is stalled{}", stalled.why()));
    }
    if let Some(reconciling) = current("Reconciling").filter(|found| found.is_true) {
        return Health::Waiting(format!("its controller works on it{}", reconciling.why()));
    }
    match READY.iter().find_map(|name| Some((*name, condition(object, name)?))) {
        None => Health::Ready,
        Some((name, found)) if outdated(object, &found) => {
            Health::Waiting(format!("its condition {name} is about an earlier generation"))
        }
        Some((_, found)) if found.is_true => Health::Ready,
        // `Unknown` is not ready either.
        Some((name, found)) => {
            Health::Waiting(format!("{name} is {}{}", found.status, found.why()))
        }
    }
}

/// Says so when the controller has last looked at another generation than the present one.
pub(super) fn unseen(object: &Value) -> Option<Health> {
    let seen = object.pointer("/status/observedGeneration")?.as_i64()?;
    let generation = object.pointer("/metadata/generation")?.as_i64()?;
    (seen != generation)
        .then(|| Health::Waiting("its controller has not looked at it yet".to_owned()))
}

/// Returns true if no controller has ever written a status.
pub(crate) fn is_unreported(object: &Value) -> bool {
    match object.get("status") {
        None | Some(Value::Null) => true,
        Some(status) => status.as_object().is_some_and(serde_json::Map::is_empty),
    }
}
