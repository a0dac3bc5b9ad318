//! Pods of nodes that no longer exist are removed.

use async_trait::async_trait;

use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{NODES, PODS};
use crate::controllers::object::ObjectExt;

/// The pod garbage collector. Its keys are nodes.
pub struct PodGc;

#[async_trait]
impl Controller for PodGc {
    fn name(&self) -> &'static str {
        "pod-garbage-collector"
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&NODES) && change.deleted {
            out.push(change.key.clone());
        } else if change.is(&PODS) && !change.deleted && change.differs("/spec/nodeName") {
            let node = change.object.str_at("/spec/nodeName");
            if !node.is_empty() && ctx.find(&NODES, "", node).is_none() {
                out.push(Key::new(&NODES, "", node));
            }
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        if ctx.get(key).is_some() {
            return Ok(Next::Done);
        }
        for pod in ctx.index.pods_on(&key.name) {
            ctx.remove_pod(&pod)?;
        }
        Ok(Next::Done)
    }
}
