//! The scheduler: binds each pod to the best node that can take it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{CLAIMS, NODES, PODS, STORAGE_CLASSES, VOLUMES};
use crate::controllers::object::ObjectExt;
use crate::controllers::{condition, pods};

use super::bind::{self, Claims, SELECTED_NODE};
use super::snapshot::{Candidate, Snapshot};
use super::{filter, report};

const NAME: &str = "default-scheduler";

/// The scheduler. One worker: each decision sees the one before.
#[derive(Default)]
pub struct Scheduler {
    /// Pods that no node could take; they come again when something changes that may help.
    waiting: Mutex<BTreeSet<Key>>,
}

#[async_trait]
impl Controller for Scheduler {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, _: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&PODS) {
            let unbound = change.object.str_at("/spec/nodeName").is_empty();
            if change.deleted {
                self.waiting().remove(&change.key);
            } else if unbound
                && (change.old.is_none() || change.differs("/spec") || change.differs("/metadata"))
            {
                out.push(change.key.clone());
            }
            let freed = !unbound
                && (change.deleted
                    || (pods::has_ended(&change.object) && change.differs("/status/phase")));
            let labels = change.differs("/metadata/labels") && change.old.is_some();
            if freed || labels {
                self.wake_waiting(out);
            }
        } else if change.is(&NODES) {
            let fields = ["/spec", "/metadata/labels", "/status/allocatable"];
            if fields.iter().any(|p| change.differs(p)) {
                self.wake_waiting(out);
            }
        } else if [&*CLAIMS, &*VOLUMES, &*STORAGE_CLASSES].iter().any(|r| change.is(r)) {
            self.wake_waiting(out);
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(pod) = ctx.get(key) else {
            self.waiting().remove(key);
            return Ok(Next::Done);
        };
        let ours = matches!(pod.str_at("/spec/schedulerName"), "" | NAME);
        let gated = !pod.list_at("/spec/schedulingGates").is_empty();
        if !ours
            || gated
            || pod.is_deleting()
            || pods::has_ended(&pod)
            || !pod.str_at("/spec/nodeName").is_empty()
        {
            self.waiting().remove(key);
            return Ok(Next::Done);
        }
        // Before deciding: what changes meanwhile (a claim that is bound at once) must find it here.
        self.waiting().insert(key.clone());
        match decide(ctx, &pod)? {
            Outcome::Bound => {
                self.waiting().remove(key);
            }
            Outcome::Later => {}
            Outcome::Refused(message) => refuse(ctx, &pod, &message)?,
        }
        Ok(Next::Done)
    }
}

impl Scheduler {
    fn waiting(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn wake_waiting(&self, out: &mut Vec<Key>) {
        out.extend(self.waiting().iter().cloned());
    }
}

enum Outcome {
    Bound,
    /// The claims have got a node; the pod comes again when they are bound.
    Later,
    Refused(String),
}

fn decide(ctx: &Ctx, pod: &Value) -> Result<Outcome, ControllerError> {
    let snapshot = Snapshot::take(ctx, pod);
    let claims = match bind::look(ctx, pod) {
        Claims::Refused(message) => return Ok(Outcome::Refused(message)),
        Claims::Ready => Vec::new(),
        Claims::WaitForNode(claims) => claims,
    };
    let mut refusals = Vec::new();
    let mut best: Option<(i64, &Candidate)> = None;
    for c in &snapshot.nodes {
        let mut why = filter::refusals(pod, c, &snapshot);
        if why.is_empty() && !bind::volumes_fit(ctx, pod, &c.node) {
            why.push("node(s) had volume node affinity conflict".into());
        }
        if !why.is_empty() {
            refusals.push(why);
            continue;
        }
        let score = filter::score(pod, c);
        if best.is_none_or(|(s, _)| score > s) {
            best = Some((score, c));
        }
    }
    let Some((_, chosen)) = best else {
        // A pod that is pinned to a node is not a candidate for all others.
        let total = ctx.list(&NODES, "").len();
        let mismatched = total.saturating_sub(snapshot.nodes.len());
        return Ok(Outcome::Refused(report::message(total, &refusals, mismatched)));
    };
    if !claims.is_empty() {
        // A node chosen before stays chosen while it can take the pod.
        let kept = claims.first().and_then(|c| c.annotation(SELECTED_NODE));
        let still = kept.filter(|k| snapshot.nodes.iter().any(|c| c.node.name() == *k));
        bind::select_node(ctx, &claims, still.unwrap_or(chosen.node.name()))?;
        return Ok(Outcome::Later);
    }
    assign(ctx, pod, chosen.node.name())?;
    Ok(Outcome::Bound)
}

fn assign(ctx: &Ctx, pod: &Value, node: &str) -> Result<(), ControllerError> {
    let now = ctx.now();
    let mut bound = false;
    ctx.modify(&PODS, pod, |p| {
        bound = p.str_at("/spec/nodeName").is_empty() && !p.is_deleting();
        if bound {
            p["spec"]["nodeName"] = json!(node);
            condition::set(p, now, "PodScheduled", "True", "", "");
        }
    })?;
    if bound {
        let message = format!("Successfully assigned {}/{} to {node}", pod.ns(), pod.name());
        ctx.normal(NAME, pod, "Scheduled", &message);
    }
    Ok(())
}

fn refuse(ctx: &Ctx, pod: &Value, message: &str) -> Result<(), ControllerError> {
    let now = ctx.now();
    let known = pod.condition("PodScheduled").is_some_and(|c| c["message"] == message);
    ctx.modify(&PODS, pod, |p| bind::unschedulable(p, now, message))?;
    if !known {
        ctx.warning(NAME, pod, "FailedScheduling", message);
    }
    Ok(())
}
