//! The address of Ingresses, which their controller copies from its own Service.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{DAEMON_SETS, DEPLOYMENTS, INGRESS_CLASSES, INGRESSES, SERVICES};
use crate::controllers::object::{ObjectExt, child};
use crate::controllers::selector;

/// Which image answers for which `spec.controller` of an IngressClass.
const CONTROLLERS: [(&str, &str); 3] = [
    ("k8s.io/ingress-nginx", "ingress-nginx/controller"),
    ("traefik.io/ingress-controller", "traefik"),
    ("haproxy.org/ingress-controller", "haproxytech/kubernetes-ingress"),
];

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
            && CONTROLLERS.iter().any(|(_, image)| runs(&change.object, image))
            && (change.differs("/status/readyReplicas") || change.differs("/status/numberReady"));
        if service || controller || change.is(&INGRESS_CLASSES) {
            let all = ctx.list(&INGRESSES, "");
            out.extend(all.iter().map(|i| Key::of(&INGRESSES, i)));
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(ingress) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        // Without a controller nobody writes the status, nor takes it back.
        let Some(controller) = class_of(ctx, &ingress).and_then(|c| controller_of(ctx, &c)) else {
            return Ok(Next::Done);
        };
        let Some(address) = address_of(ctx, &controller) else {
            return Ok(Next::Done);
        };
        let mut changed = false;
        ctx.modify(&INGRESSES, &ingress, |i| {
            let status = child(i, "status");
            let wanted = json!({"ingress": [address]});
            changed = status["loadBalancer"] != wanted;
            status["loadBalancer"] = wanted;
        })?;
        if changed {
            ctx.normal(self.name(), &ingress, "Sync", "Scheduled for sync");
        }
        Ok(Next::Done)
    }

    fn gather(&self, _: &Ctx) -> Duration {
        Duration::from_millis(10)
    }
}

fn class_of(ctx: &Ctx, ingress: &Value) -> Option<Arc<Value>> {
    let named = ingress
        .at("/spec/ingressClassName")
        .as_str()
        .or_else(|| ingress.annotation("kubernetes.io/ingress.class"));
    match named {
        Some(name) => ctx.find(&INGRESS_CLASSES, "", name),
        None => ctx
            .list(&INGRESS_CLASSES, "")
            .into_iter()
            .find(|c| c.annotation("ingressclass.kubernetes.io/is-default-class") == Some("true")),
    }
}

fn runs(workload: &Value, image: &str) -> bool {
    workload
        .list_at("/spec/template/spec/containers")
        .iter()
        .any(|c| c.str_at("/image").contains(image))
}

fn controller_of(ctx: &Ctx, class: &Value) -> Option<Arc<Value>> {
    let wanted = class.str_at("/spec/controller");
    let (_, image) = CONTROLLERS.iter().find(|(c, _)| *c == wanted)?;
    let ready = |o: &Value| {
        let n = o.int_at("/status/readyReplicas").or(o.int_at("/status/numberReady"));
        n.unwrap_or(0) > 0
    };
    [&*DEPLOYMENTS, &*DAEMON_SETS]
        .into_iter()
        .flat_map(|r| ctx.list(r, ""))
        .find(|o| runs(o, image) && ready(o))
}

/// The address of the controller's own Service.
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
