//! Namespaces: a deleted one takes its content with it, a new one gets its ServiceAccount.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::condition;
use super::context::{Controller, Ctx, Next};
use super::error::ControllerError;
use super::index::{Change, Key};
use super::kinds::{CONFIG_MAPS, EVENTS, NAMESPACES, SERVICE_ACCOUNTS};
use super::object::{ObjectExt, child};
use crate::StoreError;

const FINALIZER: &str = "kubernetes";

/// The namespace controller.
pub struct Namespaces;

#[async_trait]
impl Controller for Namespaces {
    fn name(&self) -> &'static str {
        "namespace-controller"
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&NAMESPACES) {
            out.push(change.key.clone());
        } else if !change.key.ns.is_empty() && (change.deleted || change.old.is_none()) {
            let ns = ctx.find(&NAMESPACES, "", &change.key.ns);
            if ns.is_some_and(|n| n.is_deleting()) {
                out.push(Key::new(&NAMESPACES, "", &change.key.ns));
            }
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(ns) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        if !ns.is_deleting() {
            ctx.modify(&NAMESPACES, &ns, |n| {
                let status = child(n, "status");
                if status["phase"].is_null() {
                    status["phase"] = json!("Active");
                }
            })?;
            return Ok(Next::Done);
        }
        let left = empty(ctx, key)?;
        if left.is_empty() {
            finish(ctx, &ns)?;
        } else {
            report(ctx, &ns, &left)?;
        }
        Ok(Next::Done)
    }

    fn gather(&self, _: &Ctx) -> Duration {
        Duration::from_millis(5)
    }
}

/// Deletes all content; the kinds of what is still there, but for events. Reads the store and not the
/// index: an object that was made just before would not be in that yet, and stay for ever.
fn empty(ctx: &Ctx, key: &Key) -> Result<Vec<(String, usize)>, ControllerError> {
    let mut left: Vec<(String, usize)> = Vec::new();
    let store = ctx.store();
    for resource in store.kinds() {
        let mut there = 0;
        for object in store.list(&resource, Some(&key.name)).0 {
            if !object.is_deleting() {
                ctx.delete(&resource, &object)?;
            }
            there += usize::from(store.get(&resource, Some(&key.name), object.name()).is_some());
        }
        if there > 0 && resource != *EVENTS {
            left.push((resource.qualified(), there));
        }
    }
    Ok(left)
}

fn finish(ctx: &Ctx, ns: &Value) -> Result<(), ControllerError> {
    ctx.modify(&NAMESPACES, ns, |n| {
        if let Some(list) = n.pointer_mut("/spec/finalizers").and_then(Value::as_array_mut) {
            list.retain(|f| f != FINALIZER);
        }
    })?;
    let still = ctx.find(&NAMESPACES, "", ns.name());
    if still.is_some_and(|n| {
        n.uid() == ns.uid()
            && n.list_at("/spec/finalizers").is_empty()
            && n.list_at("/metadata/finalizers").is_empty()
    }) {
        ctx.store().delete(&NAMESPACES, None, ns.name())?;
    }
    Ok(())
}

fn report(ctx: &Ctx, ns: &Value, left: &[(String, usize)]) -> Result<(), ControllerError> {
    let now = ctx.now();
    let parts: Vec<String> =
        left.iter().map(|(k, n)| format!("{k} has {n} resource instances")).collect();
    let message = format!("Some resources are remaining: {}", parts.join(", "));
    ctx.modify(&NAMESPACES, ns, |n| {
        child(n, "status")["phase"] = json!("Terminating");
        condition::set(
            n,
            now,
            "NamespaceContentRemaining",
            "True",
            "SomeResourcesRemain",
            &message,
        );
    })?;
    Ok(())
}

/// Gives each namespace its `default` ServiceAccount and the ConfigMap with the cluster's CA.
pub struct ServiceAccounts;

const CA_MAP: &str = "kube-root-ca.crt";

#[async_trait]
impl Controller for ServiceAccounts {
    fn name(&self) -> &'static str {
        "serviceaccount-controller"
    }

    fn wake(&self, _: &Ctx, change: &Change, out: &mut Vec<Key>) {
        let ns = if change.is(&NAMESPACES) && !change.deleted {
            &change.key.name
        } else if (change.is(&SERVICE_ACCOUNTS) && change.deleted && change.key.name == "default")
            || (change.is(&CONFIG_MAPS) && change.key.name == CA_MAP)
        {
            &change.key.ns
        } else {
            return;
        };
        out.push(Key::new(&NAMESPACES, "", ns));
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(ns) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        if ns.is_deleting() {
            return Ok(Next::Done);
        }
        let name = ns.name();
        if ctx.find(&SERVICE_ACCOUNTS, name, "default").is_none() {
            made(ctx.store().create(
                &SERVICE_ACCOUNTS,
                json!({
                    "apiVersion": "v1", "kind": "ServiceAccount",
                    "metadata": {"name": "default", "namespace": name},
                }),
            ))?;
        }
        let ca = &ctx.options().ca_cert_pem;
        match ctx.find(&CONFIG_MAPS, name, CA_MAP) {
            Some(map) => {
                ctx.modify(&CONFIG_MAPS, &map, |m| m["data"] = json!({"ca.crt": ca}))?;
            }
            None => made(ctx.store().create(&CONFIG_MAPS, json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": CA_MAP, "namespace": name, "annotations": {
                    "kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."}},
                "data": {"ca.crt": ca},
            })))?,
        }
        Ok(Next::Done)
    }
}

fn made<T>(r: Result<T, StoreError>) -> Result<(), ControllerError> {
    match r {
        Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
