//! The Deployment controller: one step of a rollout at a time.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{DEPLOYMENTS, PODS, REPLICA_SETS};
use crate::controllers::object::{ObjectExt, set_annotation};
use crate::controllers::pods;

use super::plan::{self, Bounds, Scale, Set};
use super::sets::{self, DESIRED, MOST, REVISION};
use super::status;

pub(super) const NAME: &str = "deployment-controller";

/// The Deployment controller.
pub struct Deployments;

#[async_trait]
impl Controller for Deployments {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&DEPLOYMENTS) {
            out.push(change.key.clone());
        } else if change.is(&REPLICA_SETS) {
            pods::wake_owner(ctx, change, &DEPLOYMENTS, out);
        } else if change.is(&PODS) && change.deleted {
            // A Recreate waits for the last old pod to be gone.
            let owner = ctx.index.by_uid(change.object.controller_uid());
            let set = owner.filter(|k| k.resource == *REPLICA_SETS).and_then(|k| ctx.get(&k));
            let deployment = set.and_then(|s| ctx.index.by_uid(s.controller_uid()));
            out.extend(deployment.filter(|k| k.resource == *DEPLOYMENTS));
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(deployment) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        let all: Vec<Arc<Value>> = ctx
            .index
            .children(deployment.uid(), &REPLICA_SETS)
            .into_iter()
            .filter(|s| s.controller_uid() == deployment.uid())
            .collect();
        if deployment.is_deleting() || !pods::namespace_open(ctx, &key.ns) {
            return status::update(ctx, &deployment, None, &all, false);
        }
        step(ctx, &deployment, all)
    }
}

fn step(ctx: &Ctx, deployment: &Value, mut all: Vec<Arc<Value>>) -> Result<Next, ControllerError> {
    let bounds = Bounds::of(deployment);
    let paused = deployment.flag_at("/spec/paused");
    let mut new = sets::find_new(deployment, &all);
    let old_of = |new: &Option<Arc<Value>>, all: &[Arc<Value>]| -> Vec<Arc<Value>> {
        let uid = new.as_ref().map_or("", |n| n.uid());
        let mut old: Vec<_> = all.iter().filter(|s| s.uid() != uid).cloned().collect();
        old.sort_by_key(|s| sets::revision(s));
        old
    };
    if paused || is_scaled(deployment, &all) {
        rescale(ctx, deployment, bounds, new.as_ref(), &all)?;
        return status::update(ctx, deployment, new.as_deref(), &current(ctx, &all), false);
    }
    let old = old_of(&new, &all);
    let recreate = deployment.at("/spec/strategy")["type"] == "Recreate";
    let last = old.iter().map(|s| sets::revision(s)).max().unwrap_or(0);
    let mut created = false;
    match &new {
        Some(set) => {
            let number = sets::revision(set).max(last + 1);
            ctx.modify(&REPLICA_SETS, set, |s| {
                sets::annotate(deployment, s, number);
                if let Some(m) = deployment.int_at("/spec/minReadySeconds").filter(|m| *m > 0) {
                    s["spec"]["minReadySeconds"] = json!(m);
                }
            })?;
            mark_revision(ctx, deployment, number)?;
        }
        None => {
            let old_views: Vec<Set> = old.iter().map(|s| Set::of(s)).collect();
            if recreate && (old_views.iter().any(|s| s.wanted > 0) || pods_left(ctx, &old) > 0) {
                let scales = plan::recreate(bounds, None, &old_views, 1);
                apply(ctx, deployment, &all, &scales)?;
                return status::update(ctx, deployment, None, &current(ctx, &all), false);
            }
            let empty = Set { name: String::new(), wanted: 0, actual: 0, available: 0 };
            let first = match plan::rolling(bounds, &empty, &old_views).first() {
                Some((name, n)) if name.is_empty() => *n,
                _ => 0,
            };
            let first = if recreate { bounds.replicas } else { first };
            let Some(set) = sets::create_new(ctx, deployment, first, last + 1)? else {
                return Ok(Next::After(std::time::Duration::from_millis(10)));
            };
            scaled_event(ctx, deployment, &set, 0, first);
            mark_revision(ctx, deployment, last + 1)?;
            all.push(set.clone());
            new = Some(set);
            created = true;
        }
    }
    if let (Some(set), false) = (&new, created) {
        let old_views: Vec<Set> = old.iter().map(|s| Set::of(s)).collect();
        let scales = if recreate {
            plan::recreate(bounds, Some(&Set::of(set)), &old_views, pods_left(ctx, &old))
        } else {
            plan::rolling(bounds, &Set::of(set), &old_views)
        };
        apply(ctx, deployment, &all, &scales)?;
    }
    let next = status::update(ctx, deployment, new.as_deref(), &current(ctx, &all), created)?;
    if status::is_complete(ctx, deployment) {
        for set in sets::forgettable(deployment, &old) {
            ctx.delete(&REPLICA_SETS, &set)?;
        }
    }
    Ok(next)
}

fn current(ctx: &Ctx, sets: &[Arc<Value>]) -> Vec<Arc<Value>> {
    sets.iter().filter_map(|s| ctx.find(&REPLICA_SETS, s.ns(), s.name())).collect()
}

fn pods_left(ctx: &Ctx, old: &[Arc<Value>]) -> usize {
    old.iter()
        .flat_map(|s| ctx.index.children(s.uid(), &PODS))
        .filter(|p| !pods::has_ended(p))
        .count()
}

/// Returns true if `spec.replicas` changed since the sets were last scaled.
fn is_scaled(deployment: &Value, all: &[Arc<Value>]) -> bool {
    let wanted = deployment.int_at("/spec/replicas").unwrap_or(1);
    all.iter()
        .filter(|s| s.int_at("/spec/replicas").unwrap_or(0) > 0)
        .filter_map(|s| s.annotation(DESIRED)?.parse::<i64>().ok())
        .any(|n| n != wanted)
}

fn rescale(
    ctx: &Ctx,
    deployment: &Value,
    bounds: Bounds,
    new: Option<&Arc<Value>>,
    all: &[Arc<Value>],
) -> Result<(), ControllerError> {
    let active: Vec<Arc<Value>> =
        all.iter().filter(|s| s.int_at("/spec/replicas").unwrap_or(0) > 0).cloned().collect();
    let latest = new.or_else(|| all.iter().max_by_key(|s| sets::revision(s)));
    let scales: Vec<Scale> = match (active.as_slice(), latest) {
        ([], Some(one)) | ([one], _) => vec![(one.name().to_owned(), bounds.replicas)],
        ([], None) => Vec::new(),
        (many, _) => {
            let before =
                many.iter().filter_map(|s| s.annotation(MOST)?.parse().ok()).max().unwrap_or(0);
            let views: Vec<Set> = many.iter().map(|s| Set::of(s)).collect();
            plan::proportional(bounds, before, &views)
        }
    };
    apply(ctx, deployment, all, &scales)?;
    for set in all {
        ctx.modify(&REPLICA_SETS, set, |s| sets::mark_scaled(deployment, s))?;
    }
    Ok(())
}

fn apply(
    ctx: &Ctx,
    deployment: &Value,
    all: &[Arc<Value>],
    scales: &[Scale],
) -> Result<(), ControllerError> {
    for (name, replicas) in scales {
        let Some(set) = all.iter().find(|s| s.name() == name) else {
            continue;
        };
        let before = set.int_at("/spec/replicas").unwrap_or(1);
        ctx.modify(&REPLICA_SETS, set, |s| {
            s["spec"]["replicas"] = json!(replicas);
            sets::mark_scaled(deployment, s);
        })?;
        if before != *replicas {
            scaled_event(ctx, deployment, set, before, *replicas);
        }
    }
    Ok(())
}

fn scaled_event(ctx: &Ctx, deployment: &Value, set: &Value, from: i64, to: i64) {
    if from == to {
        return;
    }
    let way = if to > from { "up" } else { "down" };
    let message = format!("Scaled {way} replica set {} from {from} to {to}", set.name());
    ctx.normal(NAME, deployment, "ScalingReplicaSet", &message);
}

fn mark_revision(ctx: &Ctx, deployment: &Value, revision: i64) -> Result<(), ControllerError> {
    ctx.modify(&DEPLOYMENTS, deployment, |d| {
        set_annotation(d, REVISION, &revision.to_string());
    })?;
    Ok(())
}
