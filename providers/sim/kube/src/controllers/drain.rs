//! What a cloud does with the pods of a node that it is about to take away.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::controllers::condition::stamp;
use crate::controllers::kinds::PODS;
use crate::controllers::object::{ObjectExt, child};
use crate::controllers::pods;
use crate::{Resource, Store, StoreError, selector};

/// Asks all pods of a node to go that are not there by a DaemonSet, as far as their disruption budgets
/// allow it; with `force`, whatever those say. Returns how many are still there.
///
/// # Errors
/// Returns an error if the store cannot be written.
pub fn drain(store: &Store, node: &str, force: bool) -> Result<usize, StoreError> {
    let all = store.list(&PODS, None).0;
    let leaving: Vec<Arc<Value>> = all
        .into_iter()
        .filter(|pod| pod.str_at("/spec/nodeName") == node && !pods::has_ended(pod))
        .filter(|pod| pod.controller_ref().is_none_or(|owner| owner["kind"] != "DaemonSet"))
        .filter(|pod| pod.annotation("kubernetes.io/config.mirror").is_none())
        .collect();
    for pod in leaving.iter().filter(|pod| !pod.is_deleting()) {
        if force || may_go(store, pod)? {
            mark(store, pod)?;
        }
    }
    Ok(leaving.len())
}

/// Takes one of the disruptions that the pod's budget allows.
fn may_go(store: &Store, pod: &Value) -> Result<bool, StoreError> {
    let budgets = Resource::new("policy", "v1", "poddisruptionbudgets");
    let covers = |budget: &&Arc<Value>| {
        selector::matches(&budget["spec"]["selector"], &pod["metadata"]["labels"])
    };
    let all = store.list(&budgets, Some(pod.ns())).0;
    let Some(budget) = all.iter().find(covers) else { return Ok(true) };
    let mut taken = false;
    store.modify(&budgets, Some(pod.ns()), budget.name(), &mut |budget: &mut Value| {
        let left = budget["status"]["disruptionsAllowed"].as_i64().unwrap_or(0);
        taken = left > 0;
        if taken {
            budget["status"]["disruptionsAllowed"] = json!(left - 1);
        }
    })?;
    Ok(taken)
}

fn mark(store: &Store, pod: &Value) -> Result<(), StoreError> {
    let grace = pod.int_at("/spec/terminationGracePeriodSeconds").unwrap_or(30);
    let end = jiff::Timestamp::now().saturating_add(jiff::SignedDuration::from_secs(grace));
    let at = stamp(end.unwrap_or(jiff::Timestamp::MAX));
    store.modify(&PODS, Some(pod.ns()), pod.name(), &mut |pod: &mut Value| {
        if !pod.is_deleting() {
            let meta = child(pod, "metadata");
            meta["deletionTimestamp"] = json!(at);
            meta["deletionGracePeriodSeconds"] = json!(grace);
        }
    })?;
    Ok(())
}
