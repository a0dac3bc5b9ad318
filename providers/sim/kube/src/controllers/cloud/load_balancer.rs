//! Services of type LoadBalancer: the cloud-controller-manager makes a load balancer for each.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{NODES, SERVICES};
use crate::controllers::object::{
    ObjectExt, add_finalizer, child, drop_annotation, remove_finalizer, set_annotation,
};
use crate::{CloudError, LoadBalancerPort, LoadBalancerRequest};

use super::driver::{self, CCM, Driver};

const NAME: &str = "service-controller";
/// Keeps the Service until its load balancer is gone.
pub const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";
/// The load balancer's id.
pub const ID: &str = "kubernetes.digitalocean.com/load-balancer-id";
const LB_NAME: &str = "service.beta.kubernetes.io/do-loadbalancer-name";
const LB_PROTOCOL: &str = "service.beta.kubernetes.io/do-loadbalancer-protocol";
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// The service controller of the cloud-controller-manager.
#[derive(Default)]
pub struct LoadBalancers {
    /// What was asked for last and granted, by the Service's uid.
    granted: Mutex<HashMap<String, LoadBalancerRequest>>,
}

#[async_trait]
impl Controller for LoadBalancers {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&SERVICES) {
            if change.deleted {
                self.granted().remove(change.object.uid());
            } else if concerns(&change.object) {
                out.push(change.key.clone());
            }
            return;
        }
        let node = change.is(&NODES)
            && change
                .old
                .as_ref()
                .is_none_or(|o| change.deleted || member(o) != member(&change.object));
        if node || driver::is_driver_change(change, CCM) {
            let all = ctx.list(&SERVICES, "");
            out.extend(all.iter().filter(|s| concerns(s)).map(|s| Key::of(&SERVICES, s)));
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(service) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        let Some(ccm) = driver::find(ctx, CCM) else {
            return Ok(Next::Done);
        };
        if service.is_deleting() || !is_load_balancer(&service) {
            return self.remove(ctx, &service).await;
        }
        self.ensure(ctx, &service, &ccm).await
    }

    fn workers(&self) -> usize {
        4
    }

    fn gather(&self, _: &Ctx) -> Duration {
        Duration::from_millis(25)
    }
}

fn is_load_balancer(s: &Value) -> bool {
    s.str_at("/spec/type") == "LoadBalancer" && s.str_at("/spec/loadBalancerClass").is_empty()
}

fn concerns(s: &Value) -> bool {
    is_load_balancer(s) || s.has_finalizer(FINALIZER)
}

/// Returns the providerID of a node that load balancers may send to.
fn member(node: &Value) -> Option<&str> {
    let usable =
        node.condition_true("Ready") && node.label(EXCLUDED).is_none() && !node.is_deleting();
    let id = node.str_at("/spec/providerID");
    (usable && !id.is_empty()).then_some(id)
}

/// Returns the number of the droplet that a providerID names.
fn droplet(provider_id: &str) -> Option<u64> {
    provider_id.strip_prefix("digitalocean://")?.parse().ok()
}

impl LoadBalancers {
    fn granted(&self) -> MutexGuard<'_, HashMap<String, LoadBalancerRequest>> {
        self.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ensure(
        &self,
        ctx: &Ctx,
        service: &Value,
        ccm: &Driver,
    ) -> Result<Next, ControllerError> {
        let request = request(ctx, service, ccm)?;
        let has_address = !service.list_at("/status/loadBalancer/ingress").is_empty();
        let before = self.granted().get(service.uid()).cloned();
        if has_address && before.as_ref() == Some(&request) {
            return Ok(Next::Done);
        }
        if !service.has_finalizer(FINALIZER) {
            // Before the effect, so that nothing is made that nobody cleans up.
            ctx.modify(&SERVICES, service, |s| add_finalizer(s, FINALIZER))?;
        }
        if !has_address {
            ctx.normal(NAME, service, "EnsuringLoadBalancer", "Ensuring load balancer");
        }
        let made = match ctx.cloud().ensure_load_balancer(request.clone()).await {
            Ok(made) => made,
            Err(e) => return Err(failed(ctx, service, "ensure", e)),
        };
        if ctx.options().managed.is_none() {
            ctx.modify(&SERVICES, service, |s| set_annotation(s, ID, &made.id))?;
        }
        let Some(ip) = made.ip else {
            return Ok(Next::After(Duration::from_secs(1)));
        };
        ctx.modify(&SERVICES, service, |s| {
            child(s, "status")["loadBalancer"] =
                json!({"ingress": [{"ip": ip.to_string(), "ipMode": "VIP"}]});
        })?;
        self.granted().insert(service.uid().to_owned(), request);
        if has_address {
            if before.is_some() {
                ctx.normal(
                    NAME,
                    service,
                    "UpdatedLoadBalancer",
                    "Updated load balancer with new hosts",
                );
            }
        } else {
            ctx.normal(NAME, service, "EnsuredLoadBalancer", "Ensured load balancer");
        }
        Ok(Next::Done)
    }

    async fn remove(&self, ctx: &Ctx, service: &Value) -> Result<Next, ControllerError> {
        if !service.has_finalizer(FINALIZER) {
            return Ok(Next::Done);
        }
        let own_name = ctx.options().managed.is_some().then(|| name(service));
        if let Some(id) = own_name.or_else(|| service.annotation(ID).map(str::to_owned)) {
            ctx.normal(NAME, service, "DeletingLoadBalancer", "Deleting load balancer");
            if let Err(e) = ctx.cloud().delete_load_balancer(&id).await {
                return Err(failed(ctx, service, "delete", e));
            }
            ctx.normal(NAME, service, "DeletedLoadBalancer", "Deleted load balancer");
        }
        self.granted().remove(service.uid());
        ctx.modify(&SERVICES, service, |s| {
            child(s, "status")["loadBalancer"] = json!({});
            drop_annotation(s, ID);
            remove_finalizer(s, FINALIZER);
        })?;
        Ok(Next::Done)
    }
}

fn failed(ctx: &Ctx, service: &Value, what: &str, e: CloudError) -> ControllerError {
    let message = format!("Error syncing load balancer: failed to {what} load balancer: {e}");
    ctx.warning(NAME, service, "SyncLoadBalancerFailed", &message);
    e.into()
}

fn request(
    ctx: &Ctx,
    service: &Value,
    ccm: &Driver,
) -> Result<LoadBalancerRequest, ControllerError> {
    let all = ctx.list(&NODES, "");
    let members = || all.iter().filter_map(|n| Some((n, member(n)?)));
    let mut droplet_ids: Vec<u64> = members().filter_map(|(_, id)| droplet(id)).collect();
    droplet_ids.sort_unstable();
    let mut nodes: Vec<String> = members().map(|(n, _)| n.name().to_owned()).collect();
    nodes.sort_unstable();
    let ranges = service.list_at("/spec/loadBalancerSourceRanges").iter();
    let health = service.int_at("/spec/healthCheckNodePort").and_then(|n| u16::try_from(n).ok());
    Ok(LoadBalancerRequest {
        cluster: ctx.options().name.clone(),
        service_uid: service.uid().to_owned(),
        name: name(service),
        vpc_id: ccm.vpc_id.clone(),
        tags: ccm.cluster_id.iter().map(|id| format!("k8s:{id}")).collect(),
        ports: ports(service)?,
        droplet_ids,
        nodes,
        service: format!("{}/{}", service.ns(), service.name()),
        source_ranges: ranges.filter_map(|r| r.as_str().map(str::to_owned)).collect(),
        health_check_node_port: health.filter(|port| *port > 0),
        token: ccm.token.clone(),
    })
}

/// Returns the name the cloud-controller-manager gives: `a` and the uid without dashes, 32
/// characters. An annotation may name another one.
fn name(service: &Value) -> String {
    service.annotation(LB_NAME).map_or_else(
        || {
            let plain: String = format!("a{}", service.uid().replace('-', ""));
            plain.chars().take(32).collect()
        },
        str::to_owned,
    )
}

fn ports(service: &Value) -> Result<Vec<LoadBalancerPort>, ControllerError> {
    let protocol = service.annotation(LB_PROTOCOL).unwrap_or("tcp");
    service
        .list_at("/spec/ports")
        .iter()
        .map(|p| {
            let number = |key: &str| {
                p.int_at(key).and_then(|n| u16::try_from(n).ok()).filter(|n| *n > 0).ok_or_else(
                    || {
                        ControllerError::Invalid(format!(
                            "the Service has a port without {}",
                            &key[1..]
                        ))
                    },
                )
            };
            let udp = p.str_at("/protocol") == "UDP";
            Ok(LoadBalancerPort {
                port: number("/port")?,
                node_port: number("/nodePort")?,
                protocol: if udp { "udp".into() } else { protocol.to_owned() },
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_real_controller() {
        let mut s = json!({"metadata": {"uid": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"}});
        assert_eq!(name(&s), "a0f1e2d3c4b5a69788796a5b4c3d2e1f");
        s["metadata"]["annotations"] = json!({LB_NAME: "web"});
        assert_eq!(name(&s), "web");
    }

    #[test]
    fn only_ready_nodes_that_are_not_excluded_are_members() {
        let mut n = json!({"spec": {"providerID": "digitalocean://5"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        assert_eq!(member(&n).and_then(droplet), Some(5));
        n["metadata"] = json!({"labels": {EXCLUDED: ""}});
        assert_eq!(member(&n), None);
    }
}
