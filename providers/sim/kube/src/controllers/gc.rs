//! The garbage collector: what its owners leave behind goes, in the order that was asked for.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::context::{Controller, Ctx, Next};
use super::error::ControllerError;
use super::index::{Change, Key};
use super::object::{ObjectExt, add_finalizer, remove_finalizer};

/// Asked for by `propagationPolicy: Foreground`: children go first.
pub const FOREGROUND: &str = "foregroundDeletion";
/// Asked for by `propagationPolicy: Orphan`: children stay, without the reference.
pub const ORPHAN: &str = "orphan";

/// The garbage collector.
pub struct GarbageCollector;

#[async_trait]
impl Controller for GarbageCollector {
    fn name(&self) -> &'static str {
        "garbage-collector-controller"
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        let o = &change.object;
        if change.deleted {
            out.extend(ctx.index.dependents(o.uid()).into_iter().map(|(k, _)| k));
            wake_owners(ctx, o, out);
            return;
        }
        let owned = !o.list_at("/metadata/ownerReferences").is_empty();
        if (owned && (change.old.is_none() || change.differs("/metadata/ownerReferences")))
            || is_waiting(o)
        {
            out.push(change.key.clone());
        }
        if o.is_deleting() && change.differs("/metadata/deletionTimestamp") {
            wake_owners(ctx, o, out);
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(o) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        if o.is_deleting() && o.has_finalizer(ORPHAN) {
            orphan_children(ctx, &o)?;
            ctx.modify(&key.resource, &o, |v| remove_finalizer(v, ORPHAN))?;
            return Ok(Next::Done);
        }
        if o.is_deleting() && o.has_finalizer(FOREGROUND) {
            if children_gone(ctx, &o)? {
                ctx.modify(&key.resource, &o, |v| remove_finalizer(v, FOREGROUND))?;
            }
            return Ok(Next::Done);
        }
        collect(ctx, key, &o)
    }

    fn workers(&self) -> usize {
        2
    }
}

fn is_waiting(o: &Value) -> bool {
    o.is_deleting() && (o.has_finalizer(FOREGROUND) || o.has_finalizer(ORPHAN))
}

fn wake_owners(ctx: &Ctx, o: &Value, out: &mut Vec<Key>) {
    for owner in o.list_at("/metadata/ownerReferences") {
        if let Some(key) = ctx.index.by_uid(owner.str_at("/uid"))
            && ctx.get(&key).is_some_and(|o| is_waiting(&o))
        {
            out.push(key);
        }
    }
}

fn orphan_children(ctx: &Ctx, owner: &Value) -> Result<(), ControllerError> {
    for (key, child) in ctx.index.dependents(owner.uid()) {
        ctx.modify(&key.resource, &child, |c| {
            if let Some(meta) = c.get_mut("metadata").and_then(Value::as_object_mut) {
                let refs = meta.get_mut("ownerReferences").and_then(Value::as_array_mut);
                let empty = refs.is_some_and(|r| {
                    r.retain(|o| o.str_at("/uid") != owner.uid());
                    r.is_empty()
                });
                if empty {
                    meta.remove("ownerReferences");
                }
            }
        })?;
    }
    Ok(())
}

/// Deletes the children of an owner that waits for them; true when none holds it up any more.
fn children_gone(ctx: &Ctx, owner: &Value) -> Result<bool, ControllerError> {
    let mut gone = true;
    for (key, child) in ctx.index.dependents(owner.uid()) {
        let reference = child
            .list_at("/metadata/ownerReferences")
            .iter()
            .find(|r| r.str_at("/uid") == owner.uid());
        gone &= !reference.is_some_and(|r| r.flag_at("/blockOwnerDeletion"));
        if !child.is_deleting() {
            // Its own children hold it up in turn.
            if !ctx.index.dependents(child.uid()).is_empty() {
                ctx.modify(&key.resource, &child, |c| add_finalizer(c, FOREGROUND))?;
            }
            ctx.delete(&key.resource, &child)?;
        }
    }
    Ok(gone)
}

/// Deletes an object all of whose owners are gone.
fn collect(ctx: &Ctx, key: &Key, o: &Value) -> Result<Next, ControllerError> {
    let owners = o.list_at("/metadata/ownerReferences");
    if owners.is_empty() || o.is_deleting() {
        return Ok(Next::Done);
    }
    let lives = |r: &&Value| ctx.index.by_uid(r.str_at("/uid")).is_some();
    let living: Vec<&Value> = owners.iter().filter(lives).collect();
    if living.len() == owners.len() {
        return Ok(Next::Done);
    }
    if !living.is_empty() {
        let kept = json!(living);
        ctx.modify(&key.resource, o, |v| v["metadata"]["ownerReferences"] = kept.clone())?;
        return Ok(Next::Done);
    }
    ctx.delete(&key.resource, o)?;
    Ok(Next::Done)
}
