//! PodDisruptionBudgets: how many pods may be evicted now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::{Controller, Ctx, Next};
use super::error::ControllerError;
use super::index::{Change, Key};
use super::kinds::{BUDGETS, DEPLOYMENTS, PODS, REPLICA_SETS, STATEFUL_SETS};
use super::object::{ObjectExt, child};
use super::percent::int_or_percent;
use super::{condition, pods};
use crate::selector;

/// How long an eviction counts as under way when its pod does not go.
const EVICTION_TAKES: Duration = Duration::from_secs(120);

/// The disruption controller.
pub struct Budgets;

#[async_trait]
impl Controller for Budgets {
    fn name(&self) -> &'static str {
        "disruption-controller"
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&BUDGETS) {
            if !change.deleted {
                out.push(change.key.clone());
            }
            return;
        }
        let scaled = [&*DEPLOYMENTS, &*REPLICA_SETS, &*STATEFUL_SETS].iter().any(|r| change.is(r))
            && change.differs("/spec/replicas");
        if !change.is(&PODS) && !scaled {
            return;
        }
        for b in ctx.list(&BUDGETS, &change.key.ns) {
            let wanted = b.at("/spec/selector");
            let fits = |o: &Value| selector::matches(wanted, o.at("/metadata/labels"));
            if scaled || fits(&change.object) || change.old.as_ref().is_some_and(|o| fits(o)) {
                out.push(Key::of(&BUDGETS, &b));
            }
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(budget) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        let wanted = budget.at("/spec/selector");
        let covered: Vec<Arc<Value>> = ctx
            .list(&PODS, &key.ns)
            .into_iter()
            .filter(|p| selector::matches(wanted, p.at("/metadata/labels")) && !pods::has_ended(p))
            .collect();
        let (disrupted, next) = disrupted(ctx, &budget, &covered);
        let healthy = covered
            .iter()
            .filter(|p| pods::is_ready(p) && !p.is_deleting() && !disrupted.contains_key(p.name()))
            .count();
        let healthy = i64::try_from(healthy).unwrap_or(i64::MAX);
        let numbers = decide(&budget, expected(ctx, &budget, &covered), healthy);
        write(ctx, &budget, numbers, &disrupted)?;
        Ok(next)
    }
}

/// The numbers of a budget's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers {
    expected: i64,
    desired: i64,
    healthy: i64,
    allowed: i64,
}

fn decide(budget: &Value, expected: i64, healthy: i64) -> Numbers {
    let max = budget.at("/spec/maxUnavailable");
    let min = budget.at("/spec/minAvailable");
    let desired = if !max.is_null() {
        // Percents round up both ways: 50 % of 3 pods may be unavailable means 2 may.
        expected - int_or_percent(max, expected, true).unwrap_or(0)
    } else if !min.is_null() {
        int_or_percent(min, expected, true).unwrap_or(expected)
    } else {
        // Neither given: the API's default for the whole budget, minAvailable of 1.
        1
    };
    let desired = desired.max(0);
    let allowed = if expected > 0 { (healthy - desired).max(0) } else { 0 };
    Numbers { expected, desired, healthy, allowed }
}

/// Returns how many pods there should be. They are counted, or (for maxUnavailable and percents)
/// taken from what the owners of the pods were scaled to.
fn expected(ctx: &Ctx, budget: &Value, covered: &[Arc<Value>]) -> i64 {
    let counted = i64::try_from(covered.len()).unwrap_or(i64::MAX);
    let by_scale =
        !budget.at("/spec/maxUnavailable").is_null() || budget.at("/spec/minAvailable").is_string();
    if !by_scale {
        return counted;
    }
    let mut scales: BTreeMap<Key, i64> = BTreeMap::new();
    let mut loose = 0;
    for p in covered {
        match scale_of(ctx, p) {
            Some((key, n)) => {
                scales.insert(key, n);
            }
            None => loose += 1,
        }
    }
    scales.values().sum::<i64>() + loose
}

fn scale_of(ctx: &Ctx, pod: &Value) -> Option<(Key, i64)> {
    let mut key = ctx.index.by_uid(pod.controller_uid())?;
    let mut owner = ctx.get(&key)?;
    if key.resource == *REPLICA_SETS
        && let Some(above) = ctx.index.by_uid(owner.controller_uid())
        && let Some(o) = ctx.get(&above)
    {
        (key, owner) = (above, o);
    }
    let n = owner.int_at("/spec/replicas")?;
    Some((key, n))
}

/// Lists the evictions under way: their pods are there still, unmarked, and the eviction is young.
fn disrupted(
    ctx: &Ctx,
    budget: &Value,
    covered: &[Arc<Value>],
) -> (BTreeMap<String, String>, Next) {
    let mut next = Next::Done;
    let mut out = budget.strings_at("/status/disruptedPods");
    out.retain(|name, at| {
        let Some(pod) = covered.iter().find(|p| p.name() == name) else {
            return false;
        };
        if pod.is_deleting() {
            return false;
        }
        let left = at.parse::<Timestamp>().ok().and_then(|t| ctx.left(t, EVICTION_TAKES));
        if let Some(left) = left {
            next = super::context::sooner(next, Next::After(left));
        }
        left.is_some()
    });
    (out, next)
}

fn write(
    ctx: &Ctx,
    budget: &Value,
    n: Numbers,
    disrupted: &BTreeMap<String, String>,
) -> Result<(), ControllerError> {
    let now = ctx.now();
    let generation = budget["metadata"]["generation"].clone();
    let revision = budget["metadata"]["resourceVersion"].clone();
    let mut stale = false;
    ctx.modify(&BUDGETS, budget, |b| {
        // An eviction that was let through meanwhile is in the status: the budget is counted again with it.
        stale = b["metadata"]["resourceVersion"] != revision;
        if stale {
            return;
        }
        let status = child(b, "status");
        status["currentHealthy"] = json!(n.healthy);
        status["desiredHealthy"] = json!(n.desired);
        status["disruptionsAllowed"] = json!(n.allowed);
        status["expectedPods"] = json!(n.expected);
        status["observedGeneration"] = generation.clone();
        if disrupted.is_empty() {
            if let Some(m) = status.as_object_mut() {
                m.remove("disruptedPods");
            }
        } else {
            status["disruptedPods"] = json!(disrupted);
        }
        let (is, reason) =
            if n.allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
        condition::set(b, now, "DisruptionAllowed", is, reason, "");
        for c in
            b.pointer_mut("/status/conditions").and_then(Value::as_array_mut).into_iter().flatten()
        {
            c["message"] = json!("");
            c["observedGeneration"] = generation.clone();
        }
    })?;
    if stale {
        return Err(ControllerError::Invalid("the budget changed meanwhile".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(spec: Value, expected: i64, healthy: i64) -> (i64, i64) {
        let n = decide(&json!({"spec": spec}), expected, healthy);
        (n.desired, n.allowed)
    }

    #[test]
    fn what_may_be_evicted() {
        assert_eq!(numbers(json!({"minAvailable": 1}), 2, 2), (1, 1));
        assert_eq!(numbers(json!({"minAvailable": 2}), 2, 2), (2, 0));
        assert_eq!(numbers(json!({"minAvailable": "50%"}), 3, 3), (2, 1));
        assert_eq!(numbers(json!({"maxUnavailable": 1}), 3, 2), (2, 0));
        assert_eq!(numbers(json!({"maxUnavailable": 1}), 3, 3), (2, 1));
        assert_eq!(numbers(json!({"maxUnavailable": "50%"}), 3, 3), (1, 2));
        assert_eq!(numbers(json!({"maxUnavailable": 0}), 3, 3), (3, 0));
        assert_eq!(numbers(json!({"minAvailable": 1}), 0, 0), (1, 0));
    }
}
