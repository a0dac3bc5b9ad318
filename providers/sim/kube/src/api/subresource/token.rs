use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::api::auth::Authenticator;
use crate::api::body;
use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::field_error::FieldError;
use crate::api::media;
use crate::api::request::Target;
use crate::store::timestamp;

const SHORTEST: i64 = 600;

/// Issues a token for a service account.
pub(super) fn issue(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let kind = &target.kind;
    let mut request =
        if call.body.is_empty() { json!({}) } else { body::object(&call.headers, &call.body)? };
    let account = server
        .cluster
        .store()
        .get(&kind.resource(), target.ns(), target.name())
        .ok_or_else(|| ApiError::not_found(kind, target.name()))?;
    let seconds = request["spec"]["expirationSeconds"].as_i64().unwrap_or(3600);
    if seconds < SHORTEST {
        let error = FieldError::invalid(
            "spec.expirationSeconds",
            seconds,
            "may not specify a duration less than 10 minutes",
        );
        return Err(ApiError::invalid(kind, target.name(), &[error]));
    }
    let mut audiences: Vec<String> = request["spec"]["audiences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|audience| audience.as_str().map(str::to_owned))
        .collect();
    if audiences.is_empty() {
        audiences.push(Authenticator::default_audience());
    }
    let expires = jiff::Timestamp::now()
        .saturating_add(jiff::SignedDuration::from_secs(seconds))
        .unwrap_or(jiff::Timestamp::MAX);
    let token = server.shared.authenticator.issue(&account, &audiences, seconds);
    request["kind"] = json!("TokenRequest");
    request["apiVersion"] = json!("authentication.k8s.io/v1");
    request["metadata"] = json!({"name": target.name(), "namespace": target.namespace, "creationTimestamp": timestamp(jiff::Timestamp::now())});
    request["spec"]["audiences"] = json!(audiences);
    request["spec"]["expirationSeconds"] = json!(seconds);
    request["status"] = json!({"token": token, "expirationTimestamp": timestamp(expires)});
    let request: Value = request;
    Ok(media::json(StatusCode::CREATED, &request))
}
