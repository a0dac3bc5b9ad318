//! What answers an HTTP-01 challenge: a pod, its Service, and an Ingress that leads the server to it.

use serde_json::{Value, json};

use super::account::Account;
use crate::controllers::context::Ctx;
use crate::controllers::error::ControllerError;
use crate::controllers::kinds::{ENDPOINT_SLICES, INGRESSES, PODS, SERVICES};
use crate::controllers::object::{ObjectExt, owner_ref};
use crate::{Resource, StoreError};

const PORT: u64 = 8089;

fn kinds() -> [&'static Resource; 3] {
    [&PODS, &SERVICES, &INGRESSES]
}

/// Returns the name that the three share.
pub fn name(challenge: &Value) -> String {
    let uid = challenge.uid();
    format!("cm-acme-http-solver-{}", uid.get(..5).unwrap_or(uid))
}

/// Returns the path that the server visits.
pub fn path(challenge: &Value) -> String {
    format!("/.well-known/acme-challenge/{}", challenge.str_at("/spec/token"))
}

/// Creates what is missing of the three, and returns the refusal if one cannot be created.
pub fn present(
    ctx: &Ctx,
    account: &Account,
    solver: &Value,
    challenge: &Value,
) -> Result<Option<String>, ControllerError> {
    let ns = challenge.ns();
    let objects = [
        pod(account, challenge),
        service(challenge),
        ingress(solver.str_at("/http01/ingress/ingressClassName"), challenge),
    ];
    for (kind, mut object) in kinds().into_iter().zip(objects) {
        if ctx.find(kind, ns, &name(challenge)).is_some() {
            continue;
        }
        if let Some(refusal) = account.refusal(ctx, "create", kind, ns) {
            return Ok(Some(refusal));
        }
        object["metadata"] = json!({
            "name": name(challenge), "namespace": ns, "labels": labels(challenge),
            "ownerReferences": [owner_ref("acme.cert-manager.io/v1", "Challenge", challenge)],
        });
        match ctx.create(kind, object) {
            Ok(_) | Err(ControllerError::Store(StoreError::AlreadyExists { .. })) => {}
            // The pod may break a rule of its namespace.
            Err(ControllerError::Invalid(why)) => return Ok(Some(why)),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Deletes the three; returns the refusal if one cannot be deleted.
pub fn clean_up(
    ctx: &Ctx,
    account: &Account,
    challenge: &Value,
) -> Result<Option<String>, ControllerError> {
    for kind in kinds() {
        let Some(there) = ctx.find(kind, challenge.ns(), &name(challenge)) else { continue };
        if let Some(refusal) = account.refusal(ctx, "delete", kind, challenge.ns()) {
            return Ok(Some(refusal));
        }
        if !there.is_deleting() {
            ctx.delete(kind, &there)?;
        }
    }
    Ok(None)
}

/// Reports whether its pod answers.
pub fn is_ready(ctx: &Ctx, challenge: &Value) -> bool {
    let service = name(challenge);
    ctx.list(&ENDPOINT_SLICES, challenge.ns())
        .iter()
        .filter(|slice| slice.label("kubernetes.io/service-name") == Some(&service))
        .any(|slice| slice.list_at("/endpoints").iter().any(|one| one.flag_at("/conditions/ready")))
}

fn labels(challenge: &Value) -> Value {
    json!({ "acme.cert-manager.io/http01-solver": "true", "infra-sim/challenge": challenge.uid() })
}

fn pod(account: &Account, challenge: &Value) -> Value {
    let args = [
        format!("--listen-port={PORT}"),
        format!("--domain={}", challenge.str_at("/spec/dnsName")),
    ];
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "spec": {
            "restartPolicy": "OnFailure",
            "enableServiceLinks": false,
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "acmesolver", "image": account.solver_image, "args": args,
                "ports": [{ "name": "http", "containerPort": PORT, "protocol": "TCP" }],
                "resources": { "requests": { "cpu": "10m", "memory": "64Mi" } },
                "securityContext": {
                    "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
                },
            }],
        },
    })
}

fn service(challenge: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "spec": {
            "type": "ClusterIP", "selector": labels(challenge),
            "ports": [{ "name": "http", "port": PORT, "targetPort": PORT, "protocol": "TCP" }],
        },
    })
}

fn ingress(class: &str, challenge: &Value) -> Value {
    let backend = json!({ "service": { "name": name(challenge), "port": { "number": PORT } } });
    let path = json!({ "path": path(challenge), "pathType": "Exact", "backend": backend });
    let rule = json!({ "host": challenge.str_at("/spec/dnsName"), "http": { "paths": [path] } });
    let mut ingress = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": { "rules": [rule] },
    });
    if !class.is_empty() {
        ingress["spec"]["ingressClassName"] = json!(class);
    }
    ingress
}
