//! ResourceQuotas: what they allow and what is used of it, as `kubectl describe quota` shows it.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::context::{Controller, Ctx, Next};
use super::error::ControllerError;
use super::index::{Change, Key};
use super::kinds::QUOTAS;
use super::object::{ObjectExt, child};
use crate::api::counted;

/// The resource quota controller.
pub struct Quotas;

#[async_trait]
impl Controller for Quotas {
    fn name(&self) -> &'static str {
        "resourcequota-controller"
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&QUOTAS) && !change.deleted {
            out.push(change.key.clone());
            return;
        }
        // Only what comes and goes is counted.
        if !change.key.ns.is_empty() && (change.deleted || change.old.is_none()) {
            let quotas = ctx.list(&QUOTAS, &change.key.ns);
            out.extend(quotas.iter().map(|quota| Key::of(&QUOTAS, quota)));
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(quota) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        let hard = quota.at("/spec/hard").as_object().cloned().unwrap_or_default();
        let used: Map<String, Value> = hard
            .keys()
            .filter_map(|name| Some((name.clone(), json!(used(ctx, &key.ns, name)?.to_string()))))
            .collect();
        ctx.modify(&QUOTAS, &quota, |quota| {
            *child(quota, "status") = json!({ "hard": hard, "used": used });
        })?;
        Ok(Next::Done)
    }
}

/// Counts the objects that a quota's key counts.
fn used(ctx: &Ctx, namespace: &str, key: &str) -> Option<usize> {
    let (plural, group) = counted(key)?;
    let of_kind = |resource: &crate::Resource| resource.plural == plural && resource.group == group;
    let kind = ctx.store().kinds().into_iter().find(of_kind);
    Some(kind.map_or(0, |kind| ctx.list(&kind, namespace).len()))
}
