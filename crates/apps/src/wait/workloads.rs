//! When what runs pods is ready.

use serde_json::Value;

use super::{
    Health,
    reader::{condition, number, number_or, text},
};

/// Returns a waiting health if the controller has not looked at the latest change yet.
fn unseen(object: &Value) -> Option<Health> {
    let seen = number(object, "/status/observedGeneration");
    (seen < number(object, "/metadata/generation"))
        .then(|| Health::Waiting("its controller has not looked at it yet".to_owned()))
}

fn waiting(have: i64, want: i64, what: &str) -> Option<Health> {
    (have < want).then(|| Health::Waiting(format!("{have} of {want} pods {what}")))
}

fn first(checks: impl IntoIterator<Item = Option<Health>>) -> Health {
    checks.into_iter().flatten().next().unwrap_or(Health::Ready)
}

pub(super) fn deployment(object: &Value) -> Health {
    if let Some(unseen) = unseen(object) {
        return unseen;
    }
    if let Some(progressing) = condition(object, "Progressing")
        && progressing.reason == "ProgressDeadlineExceeded"
    {
        return Health::Failed(format!("no progress: {}", progressing.message));
    }
    let failure = condition(object, "ReplicaFailure").filter(|c| c.is_true);
    let replicas = number_or(object, "/spec/replicas", 1);
    let updated = number(object, "/status/updatedReplicas");
    let all = number(object, "/status/replicas");
    first([
        failure.map(|c| Health::Waiting(format!("pods cannot be made: {}", c.message))),
        waiting(updated, replicas, "updated"),
        (all > updated).then(|| Health::Waiting(format!("{} old pods to go", all - updated))),
        waiting(number(object, "/status/availableReplicas"), replicas, "available"),
    ])
}

pub(super) fn stateful_set(object: &Value) -> Health {
    if let Some(unseen) = unseen(object) {
        return unseen;
    }
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return Health::Ready;
    }
    let replicas = number_or(object, "/spec/replicas", 1);
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition");
    let ready = waiting(number(object, "/status/readyReplicas"), replicas, "ready");
    let updated =
        waiting(number(object, "/status/updatedReplicas"), replicas - partition, "updated");
    let revision =
        text(object, "/status/currentRevision") != text(object, "/status/updateRevision");
    let mixed = (partition == 0 && revision).then(|| Health::Waiting("old pods to go".to_owned()));
    first([ready, updated, mixed])
}

pub(super) fn daemon_set(object: &Value) -> Health {
    if let Some(unseen) = unseen(object) {
        return unseen;
    }
    let wanted = number(object, "/status/desiredNumberScheduled");
    let is_manual = text(object, "/spec/updateStrategy/type") == "OnDelete";
    first([
        (!is_manual)
            .then(|| waiting(number(object, "/status/updatedNumberScheduled"), wanted, "updated"))
            .flatten(),
        waiting(number(object, "/status/numberAvailable"), wanted, "available"),
    ])
}

pub(super) fn replica_set(object: &Value) -> Health {
    let replicas = number_or(object, "/spec/replicas", 1);
    first([
        unseen(object),
        waiting(number(object, "/status/availableReplicas"), replicas, "available"),
    ])
}

pub(super) fn job(object: &Value) -> Health {
    if object.pointer("/spec/suspend") == Some(&Value::Bool(true)) {
        return Health::Ready;
    }
    if condition(object, "Complete").is_some_and(|c| c.is_true) {
        return Health::Ready;
    }
    if let Some(failed) = condition(object, "Failed").filter(|c| c.is_true) {
        return Health::Failed(format!("it failed: {}: {}", failed.reason, failed.message));
    }
    let done = number(object, "/status/succeeded");
    waiting(done, number_or(object, "/spec/completions", 1), "done")
        .unwrap_or_else(|| Health::Waiting("not complete yet".to_owned()))
}

pub(super) fn pod(object: &Value) -> Health {
    match text(object, "/status/phase") {
        "Succeeded" => Health::Ready,
        "Failed" => Health::Failed(format!("it failed: {}", text(object, "/status/reason"))),
        _ if condition(object, "Ready").is_some_and(|c| c.is_true) => Health::Ready,
        _ => Health::Waiting("not ready yet".to_owned()),
    }
}
