//! Endpoints and EndpointSlices: which pods are behind a Service.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::context::{Controller, Ctx, Next};
use super::error::ControllerError;
use super::index::{Change, Key};
use super::kinds::{ENDPOINT_SLICES, ENDPOINTS, NODES, PODS, SERVICES};
use super::names::suffix_of;
use super::object::{ObjectExt, opt, owner_ref};
use super::pods;
use crate::{Resource, StoreError, selector};

/// How many endpoints one slice holds.
const SLICE: usize = 100;

/// The endpoints controller and the endpoint slice controller.
pub struct Endpoints;

#[async_trait]
impl Controller for Endpoints {
    fn name(&self) -> &'static str {
        "endpoint-slice-controller"
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&SERVICES) {
            out.push(change.key.clone());
        } else if change.is(&PODS) {
            let matters = [
                "/status/podIP",
                "/status/conditions",
                "/metadata/labels",
                "/status/phase",
                "/metadata/deletionTimestamp",
            ];
            if change.old.is_some() && !matters.iter().any(|p| change.differs(p)) {
                return;
            }
            let now = change.object.at("/metadata/labels");
            for s in ctx.list(&SERVICES, &change.key.ns) {
                let wanted = s.at("/spec/selector");
                let before = change.old.as_ref().map(|o| o.at("/metadata/labels"));
                if selector::matches_map(wanted, now)
                    || before.is_some_and(|l| selector::matches_map(wanted, l))
                {
                    out.push(Key::of(&SERVICES, &s));
                }
            }
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(service) = ctx.get(key) else {
            // The slices go with their owner; Endpoints have the Service's name only.
            ctx.store().delete(&ENDPOINTS, opt(&key.ns), &key.name)?;
            return Ok(Next::Done);
        };
        let wanted = service.at("/spec/selector");
        let none = wanted.as_object().is_none_or(serde_json::Map::is_empty);
        // Without a selector somebody else writes them.
        if none || service.is_deleting() || !pods::namespace_open(ctx, &key.ns) {
            return Ok(Next::Done);
        }
        let behind: Vec<Arc<Value>> = ctx
            .list(&PODS, &key.ns)
            .into_iter()
            .filter(|p| {
                selector::matches_map(wanted, p.at("/metadata/labels"))
                    && !pods::has_ended(p)
                    && !p.str_at("/status/podIP").is_empty()
            })
            .collect();
        write_endpoints(ctx, &service, &behind)?;
        write_slices(ctx, &service, &behind)?;
        Ok(Next::Done)
    }

    fn gather(&self, _: &Ctx) -> Duration {
        Duration::from_millis(5)
    }
}

fn target(pod: &Value) -> Value {
    json!({"kind": "Pod", "name": pod.name(), "namespace": pod.ns(), "uid": pod.uid()})
}

/// Returns the port of a pod that a Service port leads to.
fn pod_port(port: &Value, pod: &Value) -> Option<i64> {
    match &port["targetPort"] {
        Value::String(name) => pod
            .list_at("/spec/containers")
            .iter()
            .flat_map(|c| c.list_at("/ports"))
            .find(|p| p.str_at("/name") == name)
            .and_then(|p| p.int_at("/containerPort")),
        Value::Number(n) => n.as_i64().filter(|n| *n > 0).or(port.int_at("/port")),
        _ => port.int_at("/port"),
    }
}

/// Lists the ports as the pods have them: by the first pod that has a named one.
fn ports(service: &Value, behind: &[Arc<Value>]) -> Vec<Value> {
    service
        .list_at("/spec/ports")
        .iter()
        .filter_map(|p| {
            let n = behind.iter().find_map(|pod| pod_port(p, pod))?;
            let protocol = match p.str_at("/protocol") {
                "" => "TCP",
                other => other,
            };
            let mut out = json!({"port": n, "protocol": protocol});
            for key in ["name", "appProtocol"] {
                if p[key].is_string() {
                    out[key] = p[key].clone();
                }
            }
            Some(out)
        })
        .collect()
}

fn write_endpoints(
    ctx: &Ctx,
    service: &Value,
    behind: &[Arc<Value>],
) -> Result<(), ControllerError> {
    let address = |p: &Arc<Value>| json!({"ip": p.at("/status/podIP"), "nodeName": p.at("/spec/nodeName"), "targetRef": target(p)});
    let unready_too = service.flag_at("/spec/publishNotReadyAddresses");
    let (mut ready, mut unready) = (Vec::new(), Vec::new());
    for p in behind.iter().take(1000) {
        if p.is_deleting() && !unready_too {
            continue;
        }
        if pods::is_ready(p) || unready_too {
            ready.push(address(p));
        } else {
            unready.push(address(p));
        }
    }
    let mut object = json!({"apiVersion": "v1", "kind": "Endpoints",
        "metadata": {"name": service.name(), "namespace": service.ns(),
            "labels": {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}}});
    for (k, v) in service.strings_at("/metadata/labels") {
        object["metadata"]["labels"][k] = json!(v);
    }
    let mut subset = json!({});
    if !ready.is_empty() {
        subset["addresses"] = json!(ready);
    }
    if !unready.is_empty() {
        subset["notReadyAddresses"] = json!(unready);
    }
    if subset != json!({}) {
        subset["ports"] = json!(ports(service, behind));
        object["subsets"] = json!([subset]);
    }
    put(ctx, &ENDPOINTS, object, &["subsets"])
}

fn write_slices(ctx: &Ctx, service: &Value, behind: &[Arc<Value>]) -> Result<(), ControllerError> {
    let list = ports(service, behind);
    let chunks: Vec<&[Arc<Value>]> =
        if behind.is_empty() { vec![&[]] } else { behind.chunks(SLICE).collect() };
    let mut names = Vec::new();
    for (i, chunk) in chunks.iter().enumerate() {
        let endpoints: Vec<Value> = chunk.iter().map(|p| endpoint(ctx, service, p)).collect();
        let suffix = suffix_of(&format!("{}/{i}", service.uid()), 5);
        let name = format!("{}-{suffix}", service.name());
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": service.ns(),
                "labels": {"kubernetes.io/service-name": service.name(),
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
                "ownerReferences": [owner_ref("v1", "Service", service)]},
            "addressType": "IPv4", "endpoints": endpoints, "ports": list,
        });
        put(ctx, &ENDPOINT_SLICES, slice, &["endpoints", "ports"])?;
        names.push(name);
    }
    for old in ctx.index.children(service.uid(), &ENDPOINT_SLICES) {
        if !names.iter().any(|n| n == old.name()) {
            ctx.delete(&ENDPOINT_SLICES, &old)?;
        }
    }
    Ok(())
}

fn endpoint(ctx: &Ctx, service: &Value, pod: &Value) -> Value {
    let serving = pods::is_ready(pod);
    let ready =
        (serving && !pod.is_deleting()) || service.flag_at("/spec/publishNotReadyAddresses");
    let node = pod.str_at("/spec/nodeName");
    let mut e = json!({
        "addresses": [pod.at("/status/podIP")],
        "conditions": {"ready": ready, "serving": serving, "terminating": pod.is_deleting()},
        "nodeName": node, "targetRef": target(pod),
    });
    let zone = ctx.find(&NODES, "", node);
    if let Some(zone) = zone.as_ref().and_then(|n| n.label("topology.kubernetes.io/zone")) {
        e["zone"] = json!(zone);
    }
    e
}

/// Creates an object, or sets these fields (and the labels) of the one that exists.
fn put(ctx: &Ctx, r: &Resource, object: Value, fields: &[&str]) -> Result<(), ControllerError> {
    let same = ctx.find(r, object.ns(), object.name());
    if let Some(have) = same {
        ctx.modify(r, &have, |h| {
            h["metadata"]["labels"] = object["metadata"]["labels"].clone();
            for f in fields {
                match object.get(*f) {
                    Some(v) => h[*f] = v.clone(),
                    None => {
                        if let Some(m) = h.as_object_mut() {
                            m.remove(*f);
                        }
                    }
                }
            }
        })?;
        return Ok(());
    }
    match ctx.store().create(r, object) {
        Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_ports_are_looked_up_in_the_pod() {
        let pod =
            json!({"spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]}});
        assert_eq!(pod_port(&json!({"port": 80, "targetPort": "http"}), &pod), Some(8080));
        assert_eq!(pod_port(&json!({"port": 80, "targetPort": 9}), &pod), Some(9));
        assert_eq!(pod_port(&json!({"port": 80}), &pod), Some(80));
        assert_eq!(pod_port(&json!({"port": 80, "targetPort": "none"}), &pod), None);
    }
}
