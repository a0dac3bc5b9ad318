//! What every request passes: id, count, token, rate limit, faults; and how refusals are written.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::limiter::Standing;
use super::{Api, Refusal, Shift, SmallPages, Stale, faulty, scopes};
use crate::faults::{Api as Target, Effect, Fault};
use crate::server::Peer;

/// Lists lag this long behind when a fault says so and gives no time.
const STALE_DEFAULT: Duration = Duration::from_secs(10);
/// `slow` without a time.
const SLOW_DEFAULT: Duration = Duration::from_secs(1);

pub async fn guard(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let id = uuid::Uuid::new_v4().to_string();
    let template =
        request.extensions().get::<MatchedPath>().map_or("(unknown)", |p| p.as_str()).to_owned();
    api.stats.count(request.method().as_str(), &template);
    let endpoint = &api.sim.endpoint;
    let of_cluster = authorized(request.headers(), &endpoint.cluster_token);
    if !(of_cluster || authorized(request.headers(), &endpoint.token)) {
        return finish(Refusal::unauthorized().into_response(), &id, None);
    }
    if of_cluster && !scopes::cluster_may(request.method(), request.uri().path()) {
        let refusal = Refusal::forbidden("You are missing the required permission.");
        return finish(refusal.into_response(), &id, None);
    }
    let latency = api.sim.settings.latency();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let standing = api.limiter.take(&api.sim.limits.get());
    if !standing.allowed {
        api.stats.refused();
        return finish(Refusal::too_many_requests().into_response(), &id, Some(&standing));
    }
    let fault = api.sim.faults.request(
        Target::Digitalocean,
        request.method().as_str(),
        request.uri().path(),
        request.extensions().get::<Peer>().map(|p| p.0),
    );
    if let Some(fault) = &fault {
        if let Some(response) = faulty::before(fault) {
            return finish(response, &id, Some(&standing));
        }
        delay(&api, fault, &mut request).await;
    }
    let response = finish(next.run(request).await, &id, Some(&standing));
    match fault {
        Some(fault) => faulty::after(&fault, response).await,
        None => response,
    }
}

async fn delay(api: &Api, fault: &Fault, request: &mut Request) {
    let time = |default| fault.delay_ms.map_or(default, Duration::from_millis);
    match fault.effect {
        Effect::Slow => api.sim.clock.sleep(time(SLOW_DEFAULT)).await,
        Effect::StaleList => {
            let lag = api.sim.clock.scale(time(STALE_DEFAULT));
            request.extensions_mut().insert(Stale(lag));
        }
        Effect::ShiftPage => {
            request.extensions_mut().insert(Shift);
        }
        Effect::SmallPages => {
            request.extensions_mut().insert(SmallPages);
        }
        _ => {}
    }
}

/// Returns true if the request bears the token.
pub fn authorized(headers: &HeaderMap, token: &str) -> bool {
    headers
        .get(AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split_once(' '))
        .is_some_and(|(scheme, given)| {
            scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && given.trim() == token
        })
}

fn finish(mut response: Response, id: &str, standing: Option<&Standing>) -> Response {
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        let body = json!({ "id": refusal.id, "message": refusal.message, "request_id": id });
        let headers = std::mem::take(response.headers_mut());
        response = (refusal.status, axum::Json(body)).into_response();
        for (name, value) in headers {
            // The empty answer's own content headers must not describe the new body.
            if let Some(name) = name
                && name != http::header::CONTENT_LENGTH
                && name != http::header::CONTENT_TYPE
            {
                response.headers_mut().insert(name, value);
            }
        }
    }
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            let name = HeaderName::from_static(name);
            response.headers_mut().entry(name).or_insert(value);
        }
    };
    set("x-request-id", id.to_owned());
    if let Some(s) = standing {
        set("ratelimit-limit", s.limit.to_string());
        set("ratelimit-remaining", s.remaining.to_string());
        set("ratelimit-reset", s.reset.to_string());
        if !s.allowed {
            set("retry-after", s.retry_after_s.to_string());
        }
    }
    response
}
