//! ControllerRevisions: the history of the templates of StatefulSets and DaemonSets.

use std::sync::Arc;

use serde_json::{Value, json};

use super::context::Ctx;
use super::error::ControllerError;
use super::kinds::CONTROLLER_REVISIONS;
use super::names::{canonical, template_hash};
use super::object::{ObjectExt, owner_ref, set_label};
use crate::StoreError;

/// The label that names a pod's revision.
pub const REVISION_LABEL: &str = "controller-revision-hash";

/// Makes the data of a revision: a patch that replaces the template.
fn data(owner: &Value) -> Value {
    let mut template = owner.at("/spec/template").clone();
    template["$patch"] = json!("replace");
    json!({"spec": {"template": template}})
}

/// Lists the revisions of an owner, oldest first.
pub fn all(ctx: &Ctx, owner: &Value) -> Vec<Arc<Value>> {
    let mut list = ctx.index.children(owner.uid(), &CONTROLLER_REVISIONS);
    list.sort_by_key(|r| r.int_at("/revision").unwrap_or(0));
    list
}

/// Returns the revision of the owner's present template. It is made, or moved to the end of the
/// history.
pub fn current(ctx: &Ctx, owner: &Value, kind: &str) -> Result<Arc<Value>, ControllerError> {
    let history = all(ctx, owner);
    let wanted = data(owner);
    let last = history.last().map_or(0, |r| r.int_at("/revision").unwrap_or(0));
    let same = history.iter().rev().find(|r| canonical(&r["data"]) == canonical(&wanted));
    if let Some(found) = same {
        if found.int_at("/revision") == Some(last) {
            return Ok(found.clone());
        }
        let moved =
            ctx.modify(&CONTROLLER_REVISIONS, found, |r| r["revision"] = json!(last + 1))?;
        return moved.ok_or_else(|| ControllerError::Invalid("the revision is gone".into()));
    }
    let mut collisions = owner.int_at("/status/collisionCount").unwrap_or(0);
    loop {
        let hash = template_hash(owner.at("/spec/template"), collisions);
        let mut revision = json!({
            "apiVersion": "apps/v1", "kind": "ControllerRevision",
            "metadata": {"name": format!("{}-{hash}", owner.name()), "namespace": owner.ns(),
                "labels": owner.at("/spec/template/metadata/labels"),
                "ownerReferences": [owner_ref("apps/v1", kind, owner)]},
            "data": wanted, "revision": last + 1,
        });
        // A StatefulSet names its revisions in full, a DaemonSet by the hash alone.
        set_label(&mut revision, REVISION_LABEL, &hash);
        match ctx.store().create(&CONTROLLER_REVISIONS, revision) {
            Ok(r) => return Ok(r),
            Err(StoreError::AlreadyExists { .. }) if collisions < 20 => collisions += 1,
            Err(e) => return Err(e.into()),
        }
    }
}

/// Deletes revisions that no pod uses, beyond `revisionHistoryLimit`. `used` has names and hashes.
pub fn trim(ctx: &Ctx, owner: &Value, used: &[String]) -> Result<(), ControllerError> {
    let limit = usize::try_from(owner.int_at("/spec/revisionHistoryLimit").unwrap_or(10))
        .unwrap_or(usize::MAX);
    let free: Vec<_> = all(ctx, owner)
        .into_iter()
        .filter(|r| {
            let hash = r.label(REVISION_LABEL).unwrap_or("");
            !used.iter().any(|u| u == r.name() || u == hash)
        })
        .collect();
    let surplus = free.len().saturating_sub(limit);
    for r in free.iter().take(surplus) {
        ctx.delete(&CONTROLLER_REVISIONS, r)?;
    }
    Ok(())
}

/// Returns the template a revision holds.
pub fn template_of(revision: &Value) -> Value {
    let mut t = revision.at("/data/spec/template").clone();
    if let Some(m) = t.as_object_mut() {
        m.remove("$patch");
    }
    t
}
