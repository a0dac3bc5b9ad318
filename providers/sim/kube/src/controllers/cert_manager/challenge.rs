//! Whether a challenge can be answered: what the ACME server would find out.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::account::Account;
use super::solver;
use crate::CloudError;
use crate::controllers::context::Ctx;
use crate::controllers::error::ControllerError;
use crate::controllers::kinds::{INGRESSES, SECRETS, SERVICES};
use crate::controllers::object::ObjectExt;
use crate::ingress::IngressController;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Presents what answers a challenge for an issuer, and returns why the server would not certify its host;
/// `None` when it would.
pub async fn fault(
    ctx: &Ctx,
    account: &Account,
    issuer: &Value,
    challenge: &Value,
) -> Result<Option<String>, ControllerError> {
    let host = challenge.str_at("/spec/dnsName");
    let none = "no configured challenge solvers can be used for this challenge";
    let Some(solver) = issuer.list_at("/spec/acme/solvers").first() else {
        return Ok(Some(none.to_owned()));
    };
    if solver.at("/http01").is_object() {
        if host.starts_with("*.") {
            return Ok(Some("HTTP-01 cannot certify wildcards".to_owned()));
        }
        match solver::present(ctx, account, solver, challenge)? {
            Some(refusal) => Ok(Some(refusal)),
            None => Ok(http(ctx, challenge, host).await),
        }
    } else if solver.at("/dns01/digitalocean").is_object() {
        Ok(dns(ctx, solver.at("/dns01/digitalocean"), host).await)
    } else if solver.at("/dns01/cloudDNS").is_object() {
        Ok(ambient(ctx, host).await)
    } else {
        Ok(Some(none.to_owned()))
    }
}

/// Returns why a visitor of the host does not meet the solver: the host must lead to a load balancer of this
/// cluster, and the ingress controller behind that must serve the solver's Ingress.
async fn http(ctx: &Ctx, challenge: &Value, host: &str) -> Option<String> {
    let url = format!("http://{host}{}", solver::path(challenge));
    let waiting = |why: &str| {
        format!(
            "Waiting for HTTP-01 challenge propagation: failed to perform self check GET request '{url}': {why}"
        )
    };
    let found = ctx.cloud().resolve(host).await;
    if found.is_empty() {
        return Some(waiting(&format!("dial tcp: lookup {host}: no such host")));
    }
    let leads = |service: &&Arc<Value>| {
        let mut ips = service.list_at("/status/loadBalancer/ingress").iter();
        service.str_at("/spec/type") == "LoadBalancer"
            && ips.any(|one| {
                one["ip"]
                    .as_str()
                    .and_then(|ip| ip.parse().ok())
                    .is_some_and(|ip: IpAddr| found.contains(&ip))
            })
    };
    let all = ctx.list(&SERVICES, "");
    let balanced: Vec<_> = all.iter().filter(leads).collect();
    if balanced.is_empty() {
        return Some(waiting(&format!("{} does not lead to the ingress controller", found[0])));
    }
    let store = ctx.store();
    let ingress = ctx.find(&INGRESSES, challenge.ns(), &solver::name(challenge));
    let is_served = ingress.is_some_and(|ingress| {
        let behind = |one: &&Arc<Value>| IngressController::of_service(store, one.ns(), one.name());
        balanced.iter().filter_map(behind).any(|controller| controller.serves(store, &ingress))
    });
    if !is_served {
        return Some(waiting("wrong status code '404', expected '200'"));
    }
    (!solver::is_ready(ctx, challenge)).then(|| waiting("wrong status code '503', expected '200'"))
}

/// A pod of the cloud's own cluster has the rights of its node, and the zone must be there.
async fn ambient(ctx: &Ctx, host: &str) -> Option<String> {
    let Some(managed) = &ctx.options().managed else {
        return Some(
            "unable to construct clouddns provider: google: could not find default credentials"
                .to_owned(),
        );
    };
    match ctx.cloud().has_zone(host, &managed.token).await {
        Ok(true) => None,
        Ok(false) => Some(format!("No matching GoogleCloud domain found for domain {host}.")),
        Err(error) => Some(error.to_string()),
    }
}

/// The token must be one that the cloud takes, and the zone must be there.
async fn dns(ctx: &Ctx, solver: &Value, host: &str) -> Option<String> {
    let (name, key) = (solver.str_at("/tokenSecretRef/name"), solver.str_at("/tokenSecretRef/key"));
    // Where Secrets of a ClusterIssuer are: the controller's argument names it.
    let secret = ctx.find(&SECRETS, "cert-manager", name);
    let encoded = secret.as_ref().and_then(|secret| secret["data"][key].as_str());
    let token = encoded.and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    if token.is_empty() {
        return Some(format!("error getting digitalocean token: secret \"{name}\" has no {key}"));
    }
    match ctx.cloud().has_zone(host, &String::from_utf8_lossy(&token)).await {
        Ok(true) => None,
        Ok(false) => Some(format!("could not find a zone for {host}")),
        Err(CloudError::Unauthorized) => Some("401 Unable to authenticate you".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}
