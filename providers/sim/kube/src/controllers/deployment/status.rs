//! The status of a Deployment, as `kubectl rollout status` and kstatus read it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::controllers::condition::{self, stamp};
use crate::controllers::context::{Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::kinds::DEPLOYMENTS;
use crate::controllers::object::{ObjectExt, child};
use crate::controllers::replicaset::set_count;

use super::plan::Bounds;

struct Counts {
    replicas: i64,
    updated: i64,
    ready: i64,
    available: i64,
}

fn count(new: Option<&Value>, all: &[Arc<Value>]) -> Counts {
    let sum = |p: &str| all.iter().map(|s| s.int_at(p).unwrap_or(0)).sum();
    let uid = new.map_or("", |n| n.uid());
    let updated = all.iter().find(|s| s.uid() == uid);
    Counts {
        replicas: sum("/status/replicas"),
        updated: updated.map_or(0, |s| s.int_at("/status/replicas").unwrap_or(0)),
        ready: sum("/status/readyReplicas"),
        available: sum("/status/availableReplicas"),
    }
}

/// Writes the status; `created` says that the new ReplicaSet was made in this very step.
pub fn update(
    ctx: &Ctx,
    deployment: &Value,
    new: Option<&Value>,
    all: &[Arc<Value>],
    created: bool,
) -> Result<Next, ControllerError> {
    let bounds = Bounds::of(deployment);
    let counts = count(new, all);
    let now = ctx.now();
    let generation = deployment["metadata"]["generation"].clone();
    let new_name = new.map_or("", |n| n.name());
    let deadline = deadline(deployment);
    let paused = deployment.flag_at("/spec/paused");
    let mut next = Next::Done;
    ctx.modify(&DEPLOYMENTS, deployment, |d| {
        let before = d["status"].clone();
        let status = child(d, "status");
        for (key, n) in [
            ("replicas", counts.replicas),
            ("updatedReplicas", counts.updated),
            ("readyReplicas", counts.ready),
            ("availableReplicas", counts.available),
            ("unavailableReplicas", (all_wanted(all) - counts.available).max(0)),
        ] {
            set_count(status, key, n);
        }
        status["observedGeneration"] = generation.clone();
        if counts.available >= bounds.replicas - bounds.unavailable {
            touch(
                d,
                now,
                "Available",
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            );
        } else {
            touch(
                d,
                now,
                "Available",
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            );
        }
        next = progress(
            ctx,
            d,
            &before,
            &counts,
            new_name,
            created,
            deadline,
            paused,
            bounds.replicas,
        );
    })?;
    Ok(next)
}

fn all_wanted(all: &[Arc<Value>]) -> i64 {
    all.iter().map(|s| s.int_at("/status/replicas").unwrap_or(0)).sum()
}

fn deadline(deployment: &Value) -> Option<Duration> {
    let s = deployment.int_at("/spec/progressDeadlineSeconds").unwrap_or(600);
    // The largest int32 means: no deadline.
    (s < i64::from(i32::MAX)).then(|| Duration::from_secs(u64::try_from(s).unwrap_or(0)))
}

/// Returns true if the last written status says that the rollout is complete.
pub fn is_complete(ctx: &Ctx, deployment: &Value) -> bool {
    ctx.find(&DEPLOYMENTS, deployment.ns(), deployment.name())
        .and_then(|d| d.condition("Progressing").map(|c| c["reason"] == "NewReplicaSetAvailable"))
        .unwrap_or(false)
}

#[allow(clippy::too_many_arguments)]
fn progress(
    ctx: &Ctx,
    d: &mut Value,
    before: &Value,
    counts: &Counts,
    set: &str,
    created: bool,
    deadline: Option<Duration>,
    paused: bool,
    wanted: i64,
) -> Next {
    let now = ctx.now();
    let kind = "Progressing";
    if paused {
        let reason = d.condition(kind).map(|c| c.str_at("/reason").to_owned());
        if reason.as_deref() != Some("ProgressDeadlineExceeded") {
            touch(d, now, kind, "Unknown", "DeploymentPaused", "Deployment is paused");
        }
        return Next::Done;
    }
    if d.condition(kind).is_some_and(|c| c["reason"] == "DeploymentPaused") {
        touch(d, now, kind, "Unknown", "DeploymentResumed", "Deployment is resumed");
    }
    if set.is_empty() {
        return Next::Done;
    }
    let n = |key: &str| before[key].as_i64().unwrap_or(0);
    let old_before = n("replicas") - n("updatedReplicas");
    let moved = counts.updated > n("updatedReplicas")
        || counts.replicas - counts.updated < old_before
        || counts.ready > n("readyReplicas")
        || counts.available > n("availableReplicas");
    let complete =
        counts.updated == wanted && counts.replicas == wanted && counts.available == wanted;
    let quoted = format!("ReplicaSet \"{set}\"");
    let already_complete =
        d.condition(kind).is_some_and(|c| c["reason"] == "NewReplicaSetAvailable");
    if complete {
        let message = format!("{quoted} has successfully progressed.");
        let fresh = d.condition(kind).is_none_or(|c| c["message"] != message.as_str());
        if !already_complete || fresh {
            touch(d, now, kind, "True", "NewReplicaSetAvailable", &message);
        }
        return Next::Done;
    }
    if created {
        touch(
            d,
            now,
            kind,
            "True",
            "NewReplicaSetCreated",
            &format!("Created new replica set \"{set}\""),
        );
    } else if moved || d.condition(kind).is_none() {
        touch_always(
            d,
            now,
            kind,
            "True",
            "ReplicaSetUpdated",
            &format!("{quoted} is progressing."),
        );
    } else if already_complete {
        let same = d.condition(kind).is_some_and(|c| c.str_at("/message").contains(&quoted));
        if same {
            // A finished rollout whose pods broke later is no longer under its deadline.
            return Next::Done;
        }
        touch(
            d,
            now,
            kind,
            "True",
            "FoundNewReplicaSet",
            &format!("Found new replica set \"{set}\""),
        );
    }
    let Some(deadline) = deadline else {
        return Next::Done;
    };
    let since = d.condition(kind).and_then(|c| c.time_at("/lastUpdateTime")).unwrap_or(now);
    if d.condition(kind).is_some_and(|c| c["reason"] == "ProgressDeadlineExceeded") {
        return Next::Done;
    }
    match ctx.left(since, deadline) {
        Some(left) => Next::After(left),
        None => {
            touch(
                d,
                now,
                kind,
                "False",
                "ProgressDeadlineExceeded",
                &format!("{quoted} has timed out progressing."),
            );
            Next::Done
        }
    }
}

/// Sets a condition with `lastUpdateTime` when something of it changes.
fn touch(
    d: &mut Value,
    now: jiff::Timestamp,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
) {
    let same = d
        .condition(kind)
        .is_some_and(|c| c["status"] == status && c["reason"] == reason && c["message"] == message);
    if !same {
        touch_always(d, now, kind, status, reason, message);
    }
}

fn touch_always(
    d: &mut Value,
    now: jiff::Timestamp,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
) {
    condition::set(d, now, kind, status, reason, message);
    let list = d.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    for c in list.into_iter().flatten().filter(|c| c["type"] == kind) {
        c["lastUpdateTime"] = json!(stamp(now));
    }
}
