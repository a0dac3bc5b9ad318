//! The StatefulSet controller.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::controllers::context::{Controller, Ctx, Next, sooner};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{CONTROLLER_REVISIONS, PODS, STATEFUL_SETS};
use crate::controllers::object::{ObjectExt, child, owner_ref, set_label};
use crate::controllers::revisions::{self, REVISION_LABEL};
use crate::controllers::{pods, template};

use super::claims;
use super::plan::{Member, Step, Wanted, steps};

const NAME: &str = "statefulset-controller";

/// The StatefulSet controller.
pub struct StatefulSets;

#[async_trait]
impl Controller for StatefulSets {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&STATEFUL_SETS) {
            out.push(change.key.clone());
        } else if change.is(&PODS) {
            pods::wake_owner(ctx, change, &STATEFUL_SETS, out);
            pods::wake_adopters(ctx, change, &STATEFUL_SETS, out);
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(set) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        let owner = owner_ref("apps/v1", "StatefulSet", &set);
        let all: Vec<Arc<Value>> = pods::claim(ctx, &set, &owner)?
            .into_iter()
            .filter(|p| ordinal(&set, p.name()).is_some())
            .collect();
        let newest = revisions::current(ctx, &set, "StatefulSet")?;
        let (members, next) = members(ctx, &set, &all, newest.name());
        if !set.is_deleting() && pods::namespace_open(ctx, &key.ns) {
            for step in steps(wanted(&set), &members) {
                take(ctx, &set, &owner, &all, &newest, step)?;
            }
        }
        update_status(ctx, &set, &all, &members, newest.name())?;
        Ok(next)
    }
}

fn ordinal(set: &Value, pod: &str) -> Option<i64> {
    pod.strip_prefix(set.name())?.strip_prefix('-')?.parse().ok()
}

fn wanted(set: &Value) -> Wanted {
    let strategy = set.at("/spec/updateStrategy");
    Wanted {
        start: set.int_at("/spec/ordinals/start").unwrap_or(0),
        replicas: set.int_at("/spec/replicas").unwrap_or(1),
        parallel: set.str_at("/spec/podManagementPolicy") == "Parallel",
        partition: strategy.int_at("/rollingUpdate/partition").unwrap_or(0),
        on_delete: strategy["type"] == "OnDelete",
    }
}

fn members(ctx: &Ctx, set: &Value, all: &[Arc<Value>], newest: &str) -> (Vec<Member>, Next) {
    let min_ready = pods::min_ready(set);
    let mut next = Next::Done;
    let members = all
        .iter()
        .filter_map(|p| {
            let (available, left) = pods::availability(ctx, p, min_ready);
            if let Some(left) = left {
                next = sooner(next, Next::After(left));
            }
            Some(Member {
                ordinal: ordinal(set, p.name())?,
                available: available && !p.is_deleting(),
                deleting: p.is_deleting(),
                ended: pods::has_ended(p),
                updated: p.label(REVISION_LABEL) == Some(newest),
            })
        })
        .collect();
    (members, next)
}

fn take(
    ctx: &Ctx,
    set: &Value,
    owner: &Value,
    all: &[Arc<Value>],
    newest: &Value,
    step: Step,
) -> Result<(), ControllerError> {
    match step {
        Step::Delete(n) => {
            if let Some(pod) = all.iter().find(|p| ordinal(set, p.name()) == Some(n)) {
                ctx.delete_pod(pod)?;
                let message =
                    format!("delete Pod {} in StatefulSet {} successful", pod.name(), set.name());
                ctx.normal(NAME, set, "SuccessfulDelete", &message);
            }
        }
        Step::Create(n, of_newest) => {
            let name = format!("{}-{n}", set.name());
            claims::ensure(ctx, NAME, set, &name)?;
            let current = set.str_at("/status/currentRevision");
            let old = ctx.find(&CONTROLLER_REVISIONS, set.ns(), current).filter(|_| !of_newest);
            let revision: &Value = old.as_deref().unwrap_or(newest);
            let mut pod =
                template::pod(&revisions::template_of(revision), set.ns(), &name, owner.clone());
            set_label(&mut pod, REVISION_LABEL, revision.name());
            set_label(&mut pod, "statefulset.kubernetes.io/pod-name", &name);
            set_label(&mut pod, "apps.kubernetes.io/pod-index", &n.to_string());
            pod["spec"]["hostname"] = json!(name);
            pod["spec"]["subdomain"] = set.at("/spec/serviceName").clone();
            claims::mount(set, &mut pod, &name);
            ctx.create(&PODS, pod)?;
            let message = format!("create Pod {name} in StatefulSet {} successful", set.name());
            ctx.normal(NAME, set, "SuccessfulCreate", &message);
        }
    }
    Ok(())
}

fn update_status(
    ctx: &Ctx,
    set: &Value,
    all: &[Arc<Value>],
    members: &[Member],
    newest: &str,
) -> Result<(), ControllerError> {
    let count = |f: &dyn Fn(&Member) -> bool| members.iter().filter(|m| f(m)).count();
    let current = match set.str_at("/status/currentRevision") {
        "" => newest.to_owned(),
        c => c.to_owned(),
    };
    let ready = all.iter().filter(|p| pods::is_ready(p)).count();
    let updated = count(&|m| m.updated && !m.deleting);
    let of_current = all
        .iter()
        .filter(|p| p.label(REVISION_LABEL) == Some(&current) && !p.is_deleting())
        .count();
    let w = wanted(set);
    let replicas = usize::try_from(w.replicas).unwrap_or(0);
    let done =
        updated == replicas && members.len() == replicas && ready == replicas && !w.on_delete;
    let current = if done { newest.to_owned() } else { current };
    let of_current = if done { updated } else { of_current };
    let generation = set["metadata"]["generation"].clone();
    ctx.modify(&STATEFUL_SETS, set, |s| {
        let status = child(s, "status");
        status["observedGeneration"] = generation.clone();
        status["replicas"] = json!(members.len());
        status["readyReplicas"] = json!(ready);
        status["availableReplicas"] = json!(count(&|m| m.available));
        status["currentReplicas"] = json!(of_current);
        status["updatedReplicas"] = json!(updated);
        status["currentRevision"] = json!(current);
        status["updateRevision"] = json!(newest);
        if status["collisionCount"].is_null() {
            status["collisionCount"] = json!(0);
        }
    })?;
    let mut used: Vec<String> =
        all.iter().filter_map(|p| p.label(REVISION_LABEL).map(str::to_owned)).collect();
    used.extend([current, newest.to_owned()]);
    revisions::trim(ctx, set, &used)
}
