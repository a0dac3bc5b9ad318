//! What the workload controllers ask of pods.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::context::Ctx;
use super::error::ControllerError;
use super::index::{Change, Key};
use super::kinds::PODS;
use super::object::{ObjectExt, opt};
use crate::{Resource, selector};

/// Returns true if a pod has not ended and is not being deleted.
pub fn is_active(pod: &Value) -> bool {
    !has_ended(pod) && !pod.is_deleting()
}

/// Returns true if a pod has succeeded or failed.
pub fn has_ended(pod: &Value) -> bool {
    matches!(pod.str_at("/status/phase"), "Succeeded" | "Failed")
}

/// Returns true if a pod is Ready.
pub fn is_ready(pod: &Value) -> bool {
    pod.condition_true("Ready")
}

/// Says if a pod has been Ready for `minReadySeconds`, and how much of them remains otherwise.
pub fn availability(ctx: &Ctx, pod: &Value, min_ready: Duration) -> (bool, Option<Duration>) {
    if !is_ready(pod) {
        return (false, None);
    }
    if min_ready.is_zero() {
        return (true, None);
    }
    let since = pod.condition("Ready").and_then(|c| c.time_at("/lastTransitionTime"));
    match since.and_then(|t| ctx.left(t, min_ready)) {
        Some(left) => (false, Some(left)),
        None => (true, None),
    }
}

/// Returns `spec.minReadySeconds`.
pub fn min_ready(o: &Value) -> Duration {
    let seconds = o.int_at("/spec/minReadySeconds").unwrap_or(0);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// Wakes the controller object of that kind which owns the changed object, before and after.
pub fn wake_owner(ctx: &Ctx, change: &Change, kind: &Resource, out: &mut Vec<Key>) {
    for o in [Some(&change.object), change.old.as_ref()].into_iter().flatten() {
        let uid = o.controller_uid();
        if uid.is_empty() {
            continue;
        }
        if let Some(key) = ctx.index.by_uid(uid)
            && key.resource == *kind
            && !out.contains(&key)
        {
            out.push(key);
        }
    }
}

/// Wakes the objects of a kind whose selector fits a pod without a controller.
pub fn wake_adopters(ctx: &Ctx, change: &Change, kind: &Resource, out: &mut Vec<Key>) {
    if !change.is(&PODS) || change.deleted || change.object.controller_ref().is_some() {
        return;
    }
    if !change.differs("/metadata/labels") && !change.differs("/metadata/ownerReferences") {
        return;
    }
    for o in ctx.list(kind, &change.key.ns) {
        if selector::matches(o.at("/spec/selector"), change.object.at("/metadata/labels")) {
            out.push(Key::of(kind, &o));
        }
    }
}

/// Returns the pods of a controller: those it owns and that still fit its selector. It adopts loose
/// ones that fit, and lets owned ones go that fit no longer.
pub fn claim(
    ctx: &Ctx,
    owner: &Value,
    reference: &Value,
) -> Result<Vec<Arc<Value>>, ControllerError> {
    let wanted = owner.at("/spec/selector");
    let mut mine = Vec::new();
    for pod in ctx.index.children(owner.uid(), &PODS) {
        if pod.controller_uid() != owner.uid() {
            continue;
        }
        if selector::matches(wanted, pod.at("/metadata/labels")) {
            mine.push(pod);
        } else if !owner.is_deleting() {
            ctx.modify(&PODS, &pod, |p| {
                if let Some(list) =
                    p.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut)
                {
                    list.retain(|o| o["uid"] != owner["metadata"]["uid"]);
                }
            })?;
        }
    }
    if owner.is_deleting() {
        return Ok(mine);
    }
    for pod in ctx.index.loose_pods(owner.ns()) {
        if pod.is_deleting() || !selector::matches(wanted, pod.at("/metadata/labels")) {
            continue;
        }
        let adopted = ctx.modify(&PODS, &pod, |p| {
            if p.controller_ref().is_some() || p.is_deleting() {
                return;
            }
            match p.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut) {
                Some(list) => list.push(reference.clone()),
                None => p["metadata"]["ownerReferences"] = json!([reference]),
            }
        })?;
        mine.extend(adopted.filter(|p| p.controller_uid() == owner.uid()));
    }
    Ok(mine)
}

/// Creates a pod for an owner and says so in an event.
pub fn create(
    ctx: &Ctx,
    by: &str,
    owner: &Value,
    pod: Value,
) -> Result<Arc<Value>, ControllerError> {
    let name = pod.name().to_owned();
    match ctx.create(&PODS, pod) {
        Ok(pod) => {
            ctx.normal(by, owner, "SuccessfulCreate", &format!("Created pod: {name}"));
            Ok(pod)
        }
        Err(error) => {
            ctx.warning(by, owner, "FailedCreate", &format!("Error creating: {error}"));
            Err(error)
        }
    }
}

/// Deletes a pod for an owner and says so in an event.
pub fn delete(ctx: &Ctx, by: &str, owner: &Value, pod: &Value) -> Result<(), ControllerError> {
    ctx.delete_pod(pod)?;
    let message = format!("Deleted pod: {}", pod.name());
    ctx.normal(by, owner, "SuccessfulDelete", &message);
    Ok(())
}

/// Returns true if a namespace takes new objects.
pub fn namespace_open(ctx: &Ctx, ns: &str) -> bool {
    ctx.store().get(&super::kinds::NAMESPACES, None, ns).is_none_or(|n| !n.is_deleting())
        || opt(ns).is_none()
}
