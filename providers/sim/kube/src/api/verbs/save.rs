use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::apply::{Tracking, same_but_ownership, track_update};
use crate::api::auth::User;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::kind::Kind;
use crate::api::request::Target;
use crate::api::validate::certificate;
use crate::api::{defaults, validate};
use crate::store::meta_mut;

/// What came of a write.
pub(crate) enum Saved {
    /// The object as it is now.
    Done(Arc<Value>),
    /// Somebody was faster.
    Raced,
}

/// Writes the successor of `old`: brings back what a client may not change, fills in, checks, tracks
/// owners, keeps. `by` is `None` when `new` carries the managedFields of an apply. To be called with
/// the allocation turn taken.
pub(crate) fn save_update(
    server: &Arc<Server>,
    target: &Target,
    user: &User,
    old: &Arc<Value>,
    new: Value,
    by: Option<&Tracking>,
    dry_run: bool,
) -> ApiResult<Saved> {
    let kind = &target.kind;
    let store = server.cluster.store();
    let mut new = confine(kind, target.subresource.as_deref(), old, new);
    if certificate::is_request(kind) {
        let subresource = target.subresource.as_deref();
        certificate::may_decide(server, user, kind, subresource, old)?;
        certificate::confine(subresource, old, &mut new);
    }
    restore_metadata(old, &mut new);
    let context = defaults::Context { server, user };
    defaults::updated(&context, kind, old, &mut new);
    let mut errors = validate::updated(server, kind, target.subresource.as_deref(), old, &new);
    if errors.is_empty() {
        errors = defaults::allocate(server, kind, Some(old), &mut new);
    }
    if !errors.is_empty() {
        return Err(ApiError::invalid(kind, target.name(), &errors));
    }
    if let Some(by) = by {
        track_update(kind, Some(old), &mut new, by);
    }
    // What another key wrote is written again, also if nothing else changes.
    let is_stale = kind.is("", "secrets") && store.is_stale(target.ns(), target.name());
    if same_but_ownership(old, &new) && !is_stale {
        return Ok(Saved::Done(old.clone()));
    }
    if dry_run {
        return Ok(Saved::Done(Arc::new(new)));
    }
    new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
    match store.update(&kind.stored(), super::convert::kept(kind, new)) {
        Ok(saved) => Ok(Saved::Done(saved)),
        Err(crate::StoreError::Conflict { .. }) => Ok(Saved::Raced),
        Err(error) => Err(ApiError::from_store(error, kind)),
    }
}

/// Confines a write: each subresource writes its part only, and the object itself all but status.
fn confine(kind: &Kind, subresource: Option<&str>, old: &Value, new: Value) -> Value {
    let keep = |field: &str| {
        let mut out = old.clone();
        match new.get(field) {
            Some(value) => out[field] = value.clone(),
            None => {
                if let Some(fields) = out.as_object_mut() {
                    fields.remove(field);
                }
            }
        }
        out["metadata"]["managedFields"] = new["metadata"]["managedFields"].clone();
        out
    };
    match subresource {
        Some("status" | "approval") => keep("status"),
        Some("finalize" | "resize" | "ephemeralcontainers") => keep("spec"),
        _ if kind.has_status() => {
            let mut out = new;
            match old.get("status") {
                Some(status) => out["status"] = status.clone(),
                None => {
                    if let Some(fields) = out.as_object_mut() {
                        fields.remove("status");
                    }
                }
            }
            // A namespace's finalizers go by its own subresource.
            if kind.is("", "namespaces") {
                out["spec"] = old["spec"].clone();
            }
            out
        }
        _ => new,
    }
}

fn restore_metadata(old: &Value, new: &mut Value) {
    let meta = meta_mut(new);
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "generateName",
    ] {
        match old["metadata"].get(field) {
            Some(value) => meta.insert(field.into(), value.clone()),
            None => meta.remove(field),
        };
    }
    if meta.get("managedFields").is_some_and(Value::is_null) {
        meta.remove("managedFields");
    }
    meta.insert("resourceVersion".into(), json!(old["metadata"]["resourceVersion"]));
}
