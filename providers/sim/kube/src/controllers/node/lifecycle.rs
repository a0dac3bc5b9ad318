//! The node lifecycle controller: silent kubelets make their nodes Unknown, conditions become
//! taints.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use crate::controllers::condition::{self, stamp};
use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{NODES, PODS};
use crate::controllers::object::ObjectExt;
use crate::controllers::taints;

use super::register::kubelet_runs;
use crate::controllers::annotations::STOPPED_AT;

const NAME: &str = "node-controller";
/// How long a kubelet may be silent: the default of `--node-monitor-grace-period`.
const GRACE: Duration = Duration::from_secs(50);
/// The taint of nodes that are not ready.
pub const NOT_READY: &str = "node.kubernetes.io/not-ready";
/// The taint of nodes that are silent.
pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// The taint of cordoned nodes.
pub const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The node lifecycle controller.
pub struct NodeLifecycle;

#[async_trait]
impl Controller for NodeLifecycle {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, _: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&NODES) && !change.deleted {
            out.push(change.key.clone());
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(node) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        let now = ctx.now();
        let mut next = Next::Done;
        let unknown = node.condition("Ready").is_some_and(|c| c["status"] == "Unknown");
        if !kubelet_runs(&node) && !unknown {
            let since = node
                .annotation(STOPPED_AT)
                .and_then(|t| t.parse::<Timestamp>().ok())
                .or_else(|| node.time_at("/metadata/creationTimestamp"))
                .unwrap_or(now);
            match ctx.left(since, GRACE) {
                Some(left) => next = Next::After(left),
                None => silence(ctx, &node, now)?,
            }
        }
        ctx.modify(&NODES, &node, |n| taint(n, now))?;
        if ctx.get(key).is_some_and(|n| !n.condition_true("Ready")) {
            mark_pods(ctx, &node, now)?;
        }
        Ok(next)
    }
}

fn silence(ctx: &Ctx, node: &Value, now: Timestamp) -> Result<(), ControllerError> {
    ctx.modify(&NODES, node, |n| {
        for kind in ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"] {
            let reason = "NodeStatusUnknown";
            condition::set(n, now, kind, "Unknown", reason, "Kubelet stopped posting node status.");
        }
    })?;
    let message = format!("Node {} status is now: NodeNotReady", node.name());
    ctx.normal(NAME, node, "NodeNotReady", &message);
    Ok(())
}

/// Sets the taints that follow from conditions and the cordon.
fn taint(n: &mut Value, now: Timestamp) {
    let ready = n.condition("Ready").map(|c| c.str_at("/status").to_owned());
    let at = stamp(now);
    let (not_ready, unreachable) = match ready.as_deref() {
        Some("True") => (false, false),
        Some("Unknown") => (false, true),
        Some(_) => (true, false),
        // Not heard of yet: the taint it registered with stays.
        None => (taints::has(n, NOT_READY, "NoSchedule"), false),
    };
    taints::put(n, NOT_READY, "NoSchedule", not_ready, &at);
    taints::put(n, UNREACHABLE, "NoSchedule", unreachable, &at);
    if ready.is_some() {
        taints::put(n, NOT_READY, "NoExecute", not_ready, &at);
        taints::put(n, UNREACHABLE, "NoExecute", unreachable, &at);
    }
    let cordoned = n.flag_at("/spec/unschedulable");
    taints::put(n, UNSCHEDULABLE, "NoSchedule", cordoned, &at);
}

/// Marks pods on a node that is not ready as not ready.
fn mark_pods(ctx: &Ctx, node: &Value, now: Timestamp) -> Result<(), ControllerError> {
    if kubelet_runs(node) {
        return Ok(());
    }
    for pod in ctx.index.pods_on(node.name()) {
        if pod.condition_true("Ready") {
            ctx.modify(&PODS, &pod, |p| {
                condition::set(p, now, "Ready", "False", "", "");
            })?;
            ctx.warning(NAME, &pod, "NodeNotReady", "Node is not ready");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn taints_follow_the_condition() {
        let now = Timestamp::UNIX_EPOCH;
        let keys = |n: &Value| -> Vec<String> {
            n.list_at("/spec/taints")
                .iter()
                .map(|t| {
                    format!(
                        "{}:{}",
                        t.str_at("/key").rsplit('/').next().unwrap(),
                        t.str_at("/effect")
                    )
                })
                .collect()
        };
        let mut n = json!({"spec": {"unschedulable": true}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
        taint(&mut n, now);
        assert_eq!(
            keys(&n),
            ["unreachable:NoSchedule", "unreachable:NoExecute", "unschedulable:NoSchedule"]
        );
        n["status"]["conditions"][0]["status"] = json!("True");
        n["spec"]["unschedulable"] = json!(false);
        taint(&mut n, now);
        assert!(keys(&n).is_empty());
    }
}
