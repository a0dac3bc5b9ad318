//! What stands between a Certificate and its Challenges.

use serde_json::{Value, json};
use std::sync::Arc;

use super::account::Account;
use super::{challenge, solver};
use crate::StoreError;
use crate::controllers::context::{Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::kinds::{CERTIFICATE_REQUESTS, CHALLENGES, ORDERS};
use crate::controllers::object::{ObjectExt, child, owner_ref, remove_finalizer};

/// What keeps a Challenge until what answers it is cleaned up.
const FINALIZER: &str = "acme.cert-manager.io/finalizer";

/// Works on the order of a Certificate. Returns true when every host has answered, and else what is to be
/// said of the Certificate itself.
pub async fn work(
    ctx: &Ctx,
    account: &Account,
    issuer: &Value,
    certificate: &Value,
    hosts: &[String],
) -> Result<Result<(), String>, ControllerError> {
    let ns = certificate.ns();
    for kind in [&*CERTIFICATE_REQUESTS, &*ORDERS, &*CHALLENGES] {
        if let Some(refusal) = account.refusal(ctx, "create", kind, ns) {
            return Ok(Err(refusal));
        }
        if let Some(refusal) = account.status_refusal(ctx, kind, ns) {
            return Ok(Err(refusal));
        }
    }
    let order = ensure(ctx, certificate)?;
    let mut waits = false;
    for host in hosts {
        let Some(one) = challenge_of(ctx, &order, host)? else {
            // The one of an earlier try is still cleaned up.
            waits = true;
            continue;
        };
        let fault = challenge::fault(ctx, account, issuer, &one).await?;
        waits |= fault.is_some();
        let reason = json!(fault.unwrap_or_default());
        ctx.modify(&CHALLENGES, &one, |one| child(one, "status")["reason"] = reason.clone())?;
    }
    if waits {
        return Ok(Err(String::new()));
    }
    for one in of_order(ctx, &order) {
        ctx.delete(&CHALLENGES, &one)?;
    }
    ctx.modify(&ORDERS, &order, |order| child(order, "status")["state"] = json!("valid"))?;
    Ok(Ok(()))
}

fn of_order(ctx: &Ctx, order: &Value) -> Vec<Arc<Value>> {
    let mut all = ctx.list(&CHALLENGES, order.ns());
    all.retain(|one| one.controller_uid() == order.uid());
    all
}

/// Returns the order of the certificate's next revision; those of earlier ones go.
fn ensure(ctx: &Ctx, certificate: &Value) -> Result<Arc<Value>, ControllerError> {
    let revision = certificate.int_at("/status/revision").unwrap_or(0) + 1;
    let name = format!("{}-{revision}", certificate.name());
    let mine = |one: &&Arc<Value>| one.controller_uid() == certificate.uid();
    for old in ctx.list(&ORDERS, certificate.ns()).iter().filter(mine) {
        if old.name() != name {
            ctx.delete(&ORDERS, old)?;
        }
    }
    if let Some(there) = ctx.find(&ORDERS, certificate.ns(), &name).filter(|one| mine(&one)) {
        return Ok(there);
    }
    ctx.create(
        &ORDERS,
        json!({
            "apiVersion": "acme.cert-manager.io/v1", "kind": "Order",
            "metadata": {
                "name": name, "namespace": certificate.ns(),
                "ownerReferences": [owner_ref("cert-manager.io/v1", "Certificate", certificate)],
            },
            "spec": {
                "issuerRef": certificate.at("/spec/issuerRef"),
                "dnsNames": certificate.at("/spec/dnsNames"),
            },
            "status": { "state": "pending" },
        }),
    )
}

/// Returns the Challenge of a host; `None` while an earlier one is being deleted.
fn challenge_of(
    ctx: &Ctx,
    order: &Value,
    host: &str,
) -> Result<Option<Arc<Value>>, ControllerError> {
    let name = format!("{}-{}", order.name(), host.replace('*', "wildcard"));
    match ctx.find(&CHALLENGES, order.ns(), &name) {
        Some(there) if there.is_deleting() => return Ok(None),
        Some(there) => return Ok(Some(there)),
        None => {}
    }
    let made = ctx.create(
        &CHALLENGES,
        json!({
            "apiVersion": "acme.cert-manager.io/v1", "kind": "Challenge",
            "metadata": {
                "name": name, "namespace": order.ns(), "finalizers": [FINALIZER],
                "ownerReferences": [owner_ref("acme.cert-manager.io/v1", "Order", order)],
            },
            "spec": {
                "dnsName": host, "token": uuid::Uuid::new_v4().simple().to_string(),
                "issuerRef": order.at("/spec/issuerRef"),
            },
            "status": { "state": "pending", "presented": true },
        }),
    );
    match made {
        Ok(made) => Ok(Some(made)),
        Err(ControllerError::Store(StoreError::AlreadyExists { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Lets a Challenge go that is being deleted, once nothing of it is left.
pub fn finish(
    ctx: &Ctx,
    account: &Account,
    challenge: &Value,
    again: std::time::Duration,
) -> Result<Next, ControllerError> {
    let update = account.refusal(ctx, "update", &CHALLENGES, challenge.ns());
    let refusal = match update {
        Some(refusal) => Some(refusal),
        None => solver::clean_up(ctx, account, challenge)?,
    };
    if let Some(refusal) = refusal {
        ctx.modify(&CHALLENGES, challenge, |one| {
            child(one, "status")["reason"] = json!(refusal);
        })?;
        return Ok(Next::After(again));
    }
    ctx.modify(&CHALLENGES, challenge, |one| remove_finalizer(one, FINALIZER))?;
    Ok(Next::Done)
}
