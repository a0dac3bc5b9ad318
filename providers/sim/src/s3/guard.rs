//! What every S3 request passes: count, faults.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, RETRY_AFTER};
use s3s::service::S3Service;

use super::list::{SMALL_PAGES, STALE};
use crate::api::{Api, Cut, fault_after, fault_before};
use crate::faults::{Api as Target, Effect, Fault};
use crate::server::Peer;

const SLOW_DEFAULT: Duration = Duration::from_secs(1);
/// Listings lag this long behind when a fault says so and gives no time.
const STALE_DEFAULT: Duration = Duration::from_secs(10);

/// On a request whose conditions are not looked at.
#[derive(Clone, Copy)]
pub struct Unconditional;

/// Hands a request to the S3 service.
pub async fn handle(service: S3Service, request: Request) -> Response {
    match service.call(request.map(s3s::Body::http_body_unsync)).await {
        Ok(response) => response.map(axum::body::Body::new).into_response(),
        Err(e) => {
            tracing::warn!("S3: {e:?}");
            let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
            response.extensions_mut().insert(Cut);
            response
        }
    }
}

/// Counts the call and lets faults happen.
pub async fn faults(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let method = request.method().as_str();
    let path = request.uri().path();
    let template = match path.trim_start_matches('/').split_once('/') {
        Some((_, key)) if !key.is_empty() => "s3:/{bucket}/{key}",
        _ if path == "/" => "s3:/",
        _ => "s3:/{bucket}",
    };
    api.stats.count(method, template);
    let peer = request.extensions().get::<Peer>().map(|p| p.0);
    let latency = api.sim.settings.latency();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let headers = request.headers();
    let writes = matches!(method, "PUT" | "POST");
    let conditional =
        writes && (headers.contains_key(IF_MATCH) || headers.contains_key(IF_NONE_MATCH));
    let faults = &api.sim.faults;
    let fault = if conditional {
        faults.conditional(method, path, peer)
    } else {
        faults.request(Target::S3, method, path, peer)
    };
    let Some(fault) = fault else {
        return next.run(request).await;
    };
    match fault.effect {
        Effect::Conflict => return refused(&fault),
        Effect::IgnoresConditions => {
            request.extensions_mut().insert(Unconditional);
            return next.run(request).await;
        }
        _ => {}
    }
    if fault_before(&fault).is_some() {
        return refused(&fault);
    }
    if fault.effect == Effect::Slow {
        let time = fault.delay_ms.map_or(SLOW_DEFAULT, Duration::from_millis);
        api.sim.clock.sleep(time).await;
    }
    let response = match fault.effect {
        Effect::StaleList => {
            let lag = fault.delay_ms.map_or(STALE_DEFAULT, Duration::from_millis);
            STALE.scope(api.sim.clock.scale(lag), next.run(request)).await
        }
        Effect::SmallPages => SMALL_PAGES.scope((), next.run(request)).await,
        _ => next.run(request).await,
    };
    fault_after(&fault, response).await
}

/// Answers with the refusal in S3's XML; effects without a status cut the connection.
fn refused(fault: &Fault) -> Response {
    let (status, code) = match fault.effect {
        Effect::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
        Effect::Forbidden => (StatusCode::FORBIDDEN, "AccessDenied"),
        Effect::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "SlowDown"),
        Effect::BadGateway => (StatusCode::BAD_GATEWAY, "InternalError"),
        Effect::Conflict => (StatusCode::CONFLICT, "ConditionalRequestConflict"),
        Effect::ServerError => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        _ => {
            let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
            response.extensions_mut().insert(Cut);
            return response;
        }
    };
    let message = match fault.effect {
        Effect::Forbidden => "Access Denied.",
        _ => "Please reduce your request rate or try again.",
    };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = (status, [(CONTENT_TYPE, "application/xml")], body).into_response();
    if let Some(seconds) = fault.retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
