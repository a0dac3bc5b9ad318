//! Certificates of an ACME issuer: challenged, issued, kept in Secrets, renewed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::{Account, is_controller};
use super::{issue, order};
use crate::controllers::condition;
use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{
    CERTIFICATES, CHALLENGES, CLUSTER_ISSUERS, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, DEPLOYMENTS,
    ENDPOINT_SLICES, SECRETS, SERVICES,
};
use crate::controllers::object::{ObjectExt, child};

/// How often a challenge that can't be answered is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// How often a certificate is looked at that is well.
const LOOK: Duration = Duration::from_secs(3600);

/// cert-manager.
pub struct CertManager;

#[async_trait]
impl Controller for CertManager {
    fn name(&self) -> &'static str {
        "cert-manager"
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&CERTIFICATES) || change.is(&CLUSTER_ISSUERS) {
            if !change.deleted {
                out.push(change.key.clone());
            }
            return;
        }
        if change.is(&SECRETS) {
            let names = |certificate: &&Arc<Value>| {
                certificate.str_at("/spec/secretName") == change.key.name
            };
            let all = ctx.list(&CERTIFICATES, &change.key.ns);
            out.extend(all.iter().filter(names).map(|one| Key::of(&CERTIFICATES, one)));
            return;
        }
        if change.is(&CHALLENGES) {
            // One that is gone may make room for the next try.
            if change.object.is_deleting() {
                out.push(change.key.clone());
                let all = ctx.list(&CERTIFICATES, &change.key.ns);
                out.extend(all.iter().map(|one| Key::of(&CERTIFICATES, one)));
            }
            return;
        }
        if change.is(&ENDPOINT_SLICES) {
            let all = ctx.list(&CERTIFICATES, &change.key.ns);
            let waits = |one: &&Arc<Value>| !one.condition_true("Ready");
            out.extend(all.iter().filter(waits).map(|one| Key::of(&CERTIFICATES, one)));
            return;
        }
        let controller = change.is(&DEPLOYMENTS)
            && is_controller(&change.object)
            && change.differs("/status/readyReplicas");
        let address = change.is(&SERVICES) && change.differs("/status/loadBalancer");
        let rights = change.is(&CLUSTER_ROLES) || change.is(&CLUSTER_ROLE_BINDINGS);
        if controller || address || rights {
            for kind in [&*CLUSTER_ISSUERS, &*CERTIFICATES, &*CHALLENGES] {
                out.extend(ctx.list(kind, "").iter().map(|one| Key::of(kind, one)));
            }
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let (Some(object), Some(account)) = (ctx.get(key), Account::of_running(ctx)) else {
            return Ok(Next::Done);
        };
        match (key.resource == *CHALLENGES, object.is_deleting()) {
            (true, true) => return order::finish(ctx, &account, &object, AGAIN),
            (true, false) | (false, true) => return Ok(Next::Done),
            (false, false) => {}
        }
        if key.resource == *CLUSTER_ISSUERS {
            register(ctx, &object)?;
            return Ok(Next::Done);
        }
        certify(ctx, &account, &object).await
    }
}

/// An account at the server.
fn register(ctx: &Ctx, issuer: &Value) -> Result<(), ControllerError> {
    let server = issuer.str_at("/spec/acme/server");
    let (status, reason, message) = if server.starts_with("https://") {
        let message = "The ACME account was registered with the ACME server";
        ("True", "ACMEAccountRegistered", message.to_owned())
    } else {
        let message = format!("Failed to register ACME account: {server:?} is not a directory");
        ("False", "ErrRegisterACMEAccount", message)
    };
    say(ctx, &CLUSTER_ISSUERS, issuer, (status, reason, &message), |_| {})
}

/// Sets the condition Ready, unless it is so.
fn say(
    ctx: &Ctx,
    kind: &crate::Resource,
    object: &Value,
    (status, reason, message): (&str, &str, &str),
    more: impl Fn(&mut Value),
) -> Result<(), ControllerError> {
    ctx.modify(kind, object, |object| {
        let generation = object.int_at("/metadata/generation");
        condition::set(object, ctx.now(), "Ready", status, reason, message);
        let list = child(object, "status")["conditions"].as_array_mut();
        for one in list.into_iter().flatten().filter(|one| one["type"] == "Ready") {
            one["observedGeneration"] = json!(generation);
        }
        more(object);
    })?;
    Ok(())
}

fn names(certificate: &Value) -> Vec<String> {
    let all = certificate.list_at("/spec/dnsNames").iter();
    let mut names: Vec<String> = all.filter_map(Value::as_str).map(str::to_owned).collect();
    names.sort();
    names
}

/// Returns what the Secret holds, if it is a certificate of the server with these names.
fn held(ctx: &Ctx, certificate: &Value) -> Option<issue::Facts> {
    let secret = ctx.find(&SECRETS, certificate.ns(), certificate.str_at("/spec/secretName"))?;
    let text = STANDARD.decode(secret["data"]["tls.crt"].as_str()?).ok()?;
    let facts = issue::facts(&text)?;
    let own = secret.annotation("cert-manager.io/certificate-name") == Some(certificate.name());
    (own && facts.issuer == issue::SERVER && facts.names == names(certificate)).then_some(facts)
}

async fn certify(
    ctx: &Ctx,
    account: &Account,
    certificate: &Value,
) -> Result<Next, ControllerError> {
    if account.status_refusal(ctx, &CERTIFICATES, certificate.ns()).is_some() {
        // What it finds out it cannot say.
        return Ok(Next::After(AGAIN));
    }
    let issuer = ctx.find(&CLUSTER_ISSUERS, "", certificate.str_at("/spec/issuerRef/name"));
    let Some(issuer) = issuer.filter(|issuer| issuer.condition_true("Ready")) else {
        let message = "Issuing certificate as Secret does not exist; the issuer is not ready";
        say(ctx, &CERTIFICATES, certificate, ("False", "DoesNotExist", message), |_| {})?;
        return Ok(Next::After(AGAIN));
    };
    // As `cmctl renew` asks for it.
    let asked = certificate.condition_true("Issuing");
    if let Some(facts) = held(ctx, certificate)
        && !asked
        && ctx.now() < issue::renewal(&facts)
    {
        ready(ctx, certificate, &facts)?;
        return Ok(Next::After(LOOK));
    }
    let worked = order::work(ctx, account, &issuer, certificate, &names(certificate)).await?;
    let refusal = worked.err().or_else(|| {
        let name = certificate.str_at("/spec/secretName");
        let is_there = ctx.find(&SECRETS, certificate.ns(), name).is_some();
        let verb = if is_there { "update" } else { "create" };
        account.refusal(ctx, verb, &SECRETS, certificate.ns())
    });
    if let Some(why) = refusal {
        // A certificate that is still good serves on while its renewal fails.
        let good = held(ctx, certificate).filter(|facts| ctx.now() < facts.not_after);
        match good {
            Some(facts) => ready(ctx, certificate, &facts)?,
            None => {
                let mut message = "Issuing certificate as Secret does not exist".to_owned();
                if !why.is_empty() {
                    message = format!("{message}; {why}");
                }
                say(ctx, &CERTIFICATES, certificate, ("False", "DoesNotExist", &message), |_| {})?;
            }
        }
        return Ok(Next::After(AGAIN));
    }
    let issued = issue::issue(&names(certificate), ctx.now()).map_err(ControllerError::Invalid)?;
    keep(ctx, certificate, &issued)?;
    Ok(Next::After(LOOK))
}

fn ready(ctx: &Ctx, certificate: &Value, facts: &issue::Facts) -> Result<(), ControllerError> {
    let stamp = |at: Timestamp| json!(condition::stamp(at));
    let said = ("True", "Ready", "Certificate is up to date and has not expired");
    say(ctx, &CERTIFICATES, certificate, said, |object| {
        let status = child(object, "status");
        status["notBefore"] = stamp(facts.not_before);
        status["notAfter"] = stamp(facts.not_after);
        status["renewalTime"] = stamp(issue::renewal(facts));
    })
}

/// Writes key and certificate into the Secret, and says so.
fn keep(ctx: &Ctx, certificate: &Value, issued: &issue::Issued) -> Result<(), ControllerError> {
    let name = certificate.str_at("/spec/secretName");
    let fill = |secret: &mut Value| {
        let metadata = child(secret, "metadata");
        for kind in ["labels", "annotations"] {
            let pairs = certificate.strings_at(&format!("/spec/secretTemplate/{kind}"));
            let into = child(metadata, kind);
            pairs.into_iter().for_each(|(key, value)| into[key] = json!(value));
        }
        let annotations = child(metadata, "annotations");
        annotations["cert-manager.io/certificate-name"] = json!(certificate.name());
        annotations["cert-manager.io/issuer-name"] = certificate.at("/spec/issuerRef/name").clone();
        annotations["cert-manager.io/issuer-kind"] = certificate.at("/spec/issuerRef/kind").clone();
        secret["data"] = json!({
            "tls.crt": STANDARD.encode(&issued.chain), "tls.key": STANDARD.encode(&issued.key),
        });
    };
    match ctx.find(&SECRETS, certificate.ns(), name) {
        Some(there) => drop(ctx.modify(&SECRETS, &there, fill)?),
        None => {
            let mut secret = json!({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
                "metadata": { "name": name, "namespace": certificate.ns() },
            });
            fill(&mut secret);
            ctx.create(&SECRETS, secret)?;
        }
    }
    ctx.modify(&CERTIFICATES, certificate, |object| {
        let status = child(object, "status");
        status["revision"] = json!(status["revision"].as_i64().unwrap_or(0) + 1);
        if let Some(list) = status["conditions"].as_array_mut() {
            list.retain(|one| one["type"] != "Issuing");
        }
    })?;
    match held(ctx, certificate) {
        Some(facts) => ready(ctx, certificate, &facts),
        None => Err(ControllerError::Invalid("what was issued is not in the Secret".into())),
    }
}
