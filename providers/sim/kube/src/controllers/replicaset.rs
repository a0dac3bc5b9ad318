//! ReplicaSets: as many pods as asked for.

use std::cmp::Reverse;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::context::{Controller, Ctx, Next, sooner};
use super::error::ControllerError;
use super::index::{Change, Key};
use super::kinds::{PODS, REPLICA_SETS};
use super::object::{ObjectExt, child, owner_ref};
use super::{names, pods, template};

const NAME: &str = "replicaset-controller";

/// The ReplicaSet controller.
pub struct ReplicaSets;

#[async_trait]
impl Controller for ReplicaSets {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&REPLICA_SETS) {
            out.push(change.key.clone());
        } else if change.is(&PODS) {
            pods::wake_owner(ctx, change, &REPLICA_SETS, out);
            pods::wake_adopters(ctx, change, &REPLICA_SETS, out);
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(set) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        let owner = owner_ref("apps/v1", "ReplicaSet", &set);
        let all = pods::claim(ctx, &set, &owner)?;
        let mut active: Vec<Arc<Value>> = all.into_iter().filter(|p| pods::is_active(p)).collect();
        if !set.is_deleting() && pods::namespace_open(ctx, &key.ns) {
            scale(ctx, &set, &owner, &mut active)?;
        }
        update_status(ctx, &set, &active)
    }
}

fn scale(
    ctx: &Ctx,
    set: &Value,
    owner: &Value,
    active: &mut Vec<Arc<Value>>,
) -> Result<(), ControllerError> {
    let wanted = usize::try_from(set.int_at("/spec/replicas").unwrap_or(1)).unwrap_or(0);
    if active.len() < wanted {
        for _ in active.len()..wanted {
            let name = names::generate(&format!("{}-", set.name()));
            let pod = template::pod(set.at("/spec/template"), set.ns(), &name, owner.clone());
            active.push(pods::create(ctx, NAME, set, pod)?);
        }
    } else if active.len() > wanted {
        let surplus = active.len() - wanted;
        active.sort_by_cached_key(|p| cheapest_first(p));
        for pod in active.drain(..surplus) {
            pods::delete(ctx, NAME, set, &pod)?;
        }
    }
    Ok(())
}

/// Makes the sort key by which pods go first: unassigned, not running, not ready, with the lower
/// deletion cost, younger.
fn cheapest_first(pod: &Value) -> (bool, bool, bool, i64, Reverse<String>, Reverse<String>) {
    let cost = pod
        .annotation("controller.kubernetes.io/pod-deletion-cost")
        .and_then(|c| c.parse().ok())
        .unwrap_or(0);
    (
        !pod.str_at("/spec/nodeName").is_empty(),
        pod.str_at("/status/phase") == "Running",
        pods::is_ready(pod),
        cost,
        Reverse(pod.str_at("/metadata/creationTimestamp").to_owned()),
        Reverse(pod.name().to_owned()),
    )
}

fn update_status(ctx: &Ctx, set: &Value, active: &[Arc<Value>]) -> Result<Next, ControllerError> {
    let min_ready = pods::min_ready(set);
    let wanted = set.strings_at("/spec/template/metadata/labels");
    let (mut labeled, mut ready, mut available) = (0, 0, 0);
    let mut next = Next::Done;
    for pod in active {
        let labels = pod.strings_at("/metadata/labels");
        labeled += i64::from(wanted.iter().all(|(k, v)| labels.get(k) == Some(v)));
        ready += i64::from(pods::is_ready(pod));
        let (is, left) = pods::availability(ctx, pod, min_ready);
        available += i64::from(is);
        if let Some(left) = left {
            next = sooner(next, Next::After(left));
        }
    }
    let count = i64::try_from(active.len()).unwrap_or(i64::MAX);
    let generation = set["metadata"]["generation"].clone();
    ctx.modify(&REPLICA_SETS, set, |s| {
        let status = child(s, "status");
        status["replicas"] = json!(count);
        for (key, n) in [
            ("fullyLabeledReplicas", labeled),
            ("readyReplicas", ready),
            ("availableReplicas", available),
        ] {
            set_count(status, key, n);
        }
        status["observedGeneration"] = generation.clone();
    })?;
    Ok(next)
}

/// Writes a count; zero is left out, as the API's `omitempty` does.
pub fn set_count(status: &mut Value, key: &str, n: i64) {
    if n == 0 {
        if let Some(m) = status.as_object_mut() {
            m.remove(key);
        }
    } else {
        status[key] = json!(n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_that_do_least_work_go_first() {
        let pod = |name: &str, node: &str, ready: &str, at: &str| {
            json!({"metadata": {"name": name, "creationTimestamp": at}, "spec": {"nodeName": node},
                "status": {"phase": if node.is_empty() {"Pending"} else {"Running"},
                    "conditions": [{"type": "Ready", "status": ready}]}})
        };
        let mut all = [
            pod("old", "n", "True", "2026-01-01T00:00:00Z"),
            pod("young", "n", "True", "2026-01-02T00:00:00Z"),
            pod("unready", "n", "False", "2026-01-01T00:00:00Z"),
            pod("pending", "", "False", "2026-01-01T00:00:00Z"),
        ];
        all.sort_by_cached_key(cheapest_first);
        let order: Vec<_> = all.iter().map(ObjectExt::name).collect();
        assert_eq!(order, ["pending", "unready", "young", "old"]);
    }
}
