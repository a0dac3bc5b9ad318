//! The address of Ingresses, which their controller copies from its own Service.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, DAEMON_SETS, DEPLOYMENTS, INGRESS_CLASSES, INGRESSES,
    ROLE_BINDINGS, ROLES, SERVICES,
};
use crate::controllers::object::{ObjectExt, child};
use crate::ingress::IngressController;
use crate::selector;

/// What ingress controllers do, as far as it can be seen from the API: `status.loadBalancer`.
pub struct IngressStatus;

#[async_trait]
impl Controller for IngressStatus {
    fn name(&self) -> &'static str {
        "nginx-ingress-controller"
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&INGRESSES) {
            if !change.deleted {
                out.push(change.key.clone());
            }
            return;
        }
        let service = change.is(&SERVICES)
            && change.object.str_at("/spec/type") == "LoadBalancer"
            && change.differs("/status/loadBalancer");
        let controller = (change.is(&DEPLOYMENTS) || change.is(&DAEMON_SETS))
            && of_workload(&change.object).is_some()
            && (change.differs("/status/readyReplicas") || change.differs("/status/numberReady"));
        // What it may read decides whether it serves anything.
        let rights = [&*ROLES, &*ROLE_BINDINGS, &*CLUSTER_ROLES, &*CLUSTER_ROLE_BINDINGS]
            .into_iter()
            .any(|kind| change.is(kind));
        if service || controller || rights || change.is(&INGRESS_CLASSES) {
            let all = ctx.list(&INGRESSES, "");
            out.extend(all.iter().map(|i| Key::of(&INGRESSES, i)));
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(ingress) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        // Without a controller nobody writes the status, nor takes it back.
        let Some((controller, workload)) = controller_of(ctx, &ingress) else {
            return Ok(Next::Done);
        };
        let Some(address) = address_of(ctx, &workload) else {
            return Ok(Next::Done);
        };
        let mut changed = false;
        ctx.modify(&INGRESSES, &ingress, |i| {
            let status = child(i, "status");
            let wanted = json!({"ingress": [address]});
            changed = status["loadBalancer"] != wanted;
            status["loadBalancer"] = wanted;
        })?;
        if changed && controller.writes_events() {
            ctx.normal(self.name(), &ingress, "Sync", "Scheduled for sync");
        }
        Ok(Next::Done)
    }

    fn gather(&self, _: &Ctx) -> Duration {
        Duration::from_millis(10)
    }
}

/// Returns the ingress controller that the pods of a workload are.
fn of_workload(workload: &Value) -> Option<IngressController> {
    IngressController::of_pod(workload.ns(), workload.at("/spec/template/spec"))
}

/// Finds the ingress controller that serves an Ingress, and the workload it runs in.
fn controller_of(ctx: &Ctx, ingress: &Value) -> Option<(IngressController, Arc<Value>)> {
    let ready = |o: &Value| {
        let n = o.int_at("/status/readyReplicas").or(o.int_at("/status/numberReady"));
        n.unwrap_or(0) > 0
    };
    [&*DEPLOYMENTS, &*DAEMON_SETS]
        .into_iter()
        .flat_map(|kind| ctx.list(kind, ""))
        .filter(|workload| ready(workload))
        .filter_map(|workload| Some((of_workload(&workload)?, workload)))
        .find(|(controller, _)| controller.serves(ctx.store(), ingress))
}

/// Returns the address of the controller's own Service.
fn address_of(ctx: &Ctx, controller: &Value) -> Option<Value> {
    let labels = controller.at("/spec/template/metadata/labels");
    ctx.list(&SERVICES, controller.ns())
        .into_iter()
        .filter(|s| s.str_at("/spec/type") == "LoadBalancer")
        .filter(|s| selector::matches_map(s.at("/spec/selector"), labels))
        .find_map(|s| {
            let first = s.list_at("/status/loadBalancer/ingress").first()?;
            ["ip", "hostname"]
                .iter()
                .find(|k| first[**k].is_string())
                .map(|k| json!({*k: first[*k]}))
        })
}
