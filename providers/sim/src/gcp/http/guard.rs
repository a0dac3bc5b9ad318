//! What every call passes: id, count, token, faults, project; and how answers are written.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;

use super::fields::Fields;
use super::routes::Found;
use super::{Call, Dialect, Query, Refusal, Reply, Route, Routes, call_log};
use crate::api::{authorized, fault_after, fault_before};
use crate::faults::{Api as Target, Effect, Fault};
use crate::gcp::Gcp;
use crate::server::Peer;

/// No sane body is larger than this.
const BODY_MAX_BYTES: usize = 1 << 20;
/// `slow` without a time.
const SLOW_DEFAULT: Duration = Duration::from_secs(1);

/// The parameters that Google's APIs know, as far as they are used here.
const PARAMETERS: [&str; 34] = [
    "$alt",
    "$prettyPrint",
    "$.xgafv",
    "access_token",
    "alt",
    "callback",
    "clusterId",
    "dnsName",
    "fields",
    "filter",
    "includeAllScopes",
    "key",
    "location",
    "maxResults",
    "name",
    "nodePoolId",
    "oauth_token",
    "operationId",
    "options.requestedPolicyVersion",
    "orderBy",
    "pageSize",
    "pageToken",
    "parent",
    "prettyPrint",
    "projectId",
    "quotaUser",
    "requestId",
    "returnPartialSuccess",
    "sortBy",
    "sortOrder",
    "type",
    "updateMask",
    "userIp",
    "zone",
];

/// Routes all of Google's APIs.
pub fn router(gcp: Arc<Gcp>, routes: Routes) -> Router {
    let routes = Arc::new(routes);
    Router::new().fallback(move |request: Request| {
        let (gcp, routes) = (gcp.clone(), routes.clone());
        async move {
            let sim = gcp.sim().clone();
            let pass = |request| async move { pass(gcp, &routes, request).await };
            call_log::logged(&sim, request, pass).await
        }
    })
}

async fn pass(gcp: Arc<Gcp>, routes: &Routes, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let found = routes.find(&method, &path);
    let template = match &found {
        Found::Route(route, _) => route.template,
        _ => "(unknown)",
    };
    gcp.api.stats.count(method.as_str(), template);
    let id = format!("0x{:x}", uuid::Uuid::new_v4().as_u64_pair().0);
    let dialect = Dialect::of(&path);
    let refuse = |refusal: &Refusal| written(refusal, dialect, &id);
    let sim = gcp.sim().clone();
    let is_open = sim.settings.get().gcp_open && !request.headers().contains_key("authorization");
    if !is_open && !authorized(request.headers(), &gcp.account().token) {
        return refuse(&Refusal::unauthorized());
    }
    let latency = sim.settings.latency();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let peer: Option<SocketAddr> = request.extensions().get::<Peer>().map(|p| p.0);
    let fault = sim.faults.request(Target::Gcp, method.as_str(), &path, peer);
    if let Some(fault) = &fault {
        if fault.effect == Effect::ServiceDisabled {
            return refuse(&Refusal::service_disabled(service_of(&path), gcp.account().number));
        }
        if let Some(refusal) = refusal(fault) {
            return refuse(&refusal);
        }
        if let Some(response) = fault_before(fault) {
            return response;
        }
        if fault.effect == Effect::Slow {
            let time = fault.delay_ms.map_or(SLOW_DEFAULT, Duration::from_millis);
            sim.clock.sleep(time).await;
        }
    }
    let reply = match found {
        Found::Route(route, values) => {
            let query = Query::parse(request.uri().query().unwrap_or_default());
            let lag = fault.as_ref().and_then(|f| f.delay_ms).map(Duration::from_millis);
            let lag = lag.map(|lag| sim.clock.scale(lag));
            let call = Call {
                id: id.clone(),
                user: gcp.account().email.clone(),
                method,
                path,
                values,
                query,
                bytes: bytes::Bytes::new(),
                peer,
                fault: fault.clone(),
                lag,
            };
            answer(gcp, route, call, request).await
        }
        Found::OtherMethod => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "UNIMPLEMENTED",
            "httpMethodNotAllowed",
            "Method not allowed",
        )),
        Found::Nothing => return no_page(),
    };
    let response = match reply {
        Ok(body) => json(StatusCode::OK, &body),
        Err(refusal) => refuse(&refusal),
    };
    match fault {
        Some(fault) => fault_after(&fault, response).await,
        None => response,
    }
}

async fn answer(gcp: Arc<Gcp>, route: &Route, mut call: Call, request: Request) -> Reply {
    for name in call.query.names() {
        if !PARAMETERS.contains(&name) {
            return Err(Refusal::invalid(format!(
                "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' could not be found in request message."
            )));
        }
    }
    check_project(&gcp, &call)?;
    let fields = call.query.get("fields").map(Fields::parse).transpose()?;
    let is_json = request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(|v| {
        v.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
    });
    call.bytes = match Limited::new(request.into_body(), BODY_MAX_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(e) => return Err(Refusal::bad("parseError", format!("cannot read the body: {e}"))),
    };
    if !call.bytes.is_empty() && is_json != Some(true) {
        return Err(Refusal::bad(
            "parseError",
            "The content type of a body must be application/json.",
        ));
    }
    let body = (route.handler)(gcp, call).await?;
    Ok(match fields {
        Some(fields) => fields.apply(body),
        None => body,
    })
}

/// Refuses projects of others. They are hidden by compute, and forbidden by the other APIs.
fn check_project(gcp: &Gcp, call: &Call) -> Result<(), Refusal> {
    let account = gcp.account();
    let Some(project) = call.values.get("project") else { return Ok(()) };
    let is_own = *project == account.project || *project == account.number.to_string();
    // IAM finds the project by the service account.
    if is_own || (project == "-" && call.path.contains("/serviceAccounts/")) {
        return Ok(());
    }
    Err(match Dialect::of(&call.path) {
        Dialect::Compute => Refusal::no_resource(&format!("projects/{project}")),
        _ => Refusal::forbidden(format!("Permission denied on resource project {project}."))
            .info("CONSUMER_INVALID", "googleapis.com"),
    })
}

/// Returns the service that a path belongs to. Google has a host for each.
fn service_of(path: &str) -> &'static str {
    match path {
        _ if path.starts_with("/compute/") => "compute.googleapis.com",
        _ if path.starts_with("/dns/") => "dns.googleapis.com",
        _ if path.contains("/serviceAccounts") => "iam.googleapis.com",
        _ if path.contains("/locations/") => "container.googleapis.com",
        _ => "cloudresourcemanager.googleapis.com",
    }
}

/// Returns the refusal that a fault asks for.
fn refusal(fault: &Fault) -> Option<Refusal> {
    let mut refusal = match fault.effect {
        Effect::TooManyRequests => Refusal::too_many_requests("Rate Limit Exceeded"),
        Effect::Forbidden => Refusal::forbidden("The caller does not have permission"),
        Effect::ServerError => Refusal::server_error(StatusCode::INTERNAL_SERVER_ERROR),
        Effect::BadGateway => Refusal::server_error(StatusCode::BAD_GATEWAY),
        Effect::Unavailable => Refusal::server_error(StatusCode::SERVICE_UNAVAILABLE),
        _ => return None,
    };
    refusal.retry_after_s = fault.retry_after_s;
    Some(refusal)
}

fn written(refusal: &Refusal, dialect: Dialect, id: &str) -> Response {
    let mut response = json(refusal.status, &refusal.body(dialect, id));
    if let Some(seconds) = refusal.retry_after_s
        && let Ok(value) = HeaderValue::from_str(&seconds.to_string())
    {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

fn json(status: StatusCode, body: &Value) -> Response {
    let kind = [(CONTENT_TYPE, "application/json; charset=UTF-8")];
    (status, kind, body.to_string()).into_response()
}

/// Answers as Google's front end does where there is no such call: this is no absent resource.
fn no_page() -> Response {
    let kind = [(CONTENT_TYPE, "text/html; charset=UTF-8")];
    let body = "<!DOCTYPE html><title>Error 404 (Not Found)</title><p>The requested URL was not found on this server.";
    (StatusCode::NOT_FOUND, kind, body).into_response()
}
