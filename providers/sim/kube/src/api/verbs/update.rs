use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::Value;

use super::save::{Saved, save_update};
use super::{intake, show};
use crate::api::apply::Tracking;
use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::request::Target;
use crate::api::{body, media};

/// Returns the revision a client says it read.
pub(super) fn given_rv(object: &Value) -> Option<&str> {
    object["metadata"]["resourceVersion"].as_str().filter(|rv| !rv.is_empty())
}

/// Refuses with 409 if the client read another revision, or means another object of that name.
pub(super) fn must_be_current(target: &Target, old: &Value, new: &Value) -> ApiResult<()> {
    let uid = |object: &Value| object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    if !uid(new).is_empty() && uid(new) != uid(old) {
        return Err(ApiError::conflict(
            &target.kind,
            target.name(),
            &format!(
                "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                uid(new),
                uid(old)
            ),
        ));
    }
    if given_rv(new).is_some_and(|rv| Some(rv) != given_rv(old)) {
        return Err(ApiError::modified(&target.kind, target.name()));
    }
    Ok(())
}

/// Handles PUT of an object or of a part of it.
pub(crate) async fn update(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let kind = &target.kind;
    let mut object = body::object(&call.headers, &call.body)?;
    let warnings = intake::intake(kind, &mut object, &call.query)?;
    intake::check_identity(target, &mut object)?;
    let by = Tracking {
        manager: call.manager(),
        subresource: target.subresource.clone().unwrap_or_default(),
    };
    let _turn = server.shared.allocation.lock().await;
    loop {
        let old = server
            .cluster
            .store()
            .get(&kind.stored(), target.ns(), target.name())
            .ok_or_else(|| ApiError::not_found(kind, target.name()))?;
        let old = Arc::new(show::present(kind, &old));
        must_be_current(target, &old, &object)?;
        let dry_run = call.query.dry_run()?;
        match save_update(server, target, &call.user, &old, object.clone(), Some(&by), dry_run)? {
            Saved::Done(saved) => {
                let mut response = show::one(call, kind, StatusCode::OK, &saved)?;
                media::warn(&mut response, &warnings);
                return Ok(response);
            }
            Saved::Raced => tokio::task::yield_now().await,
        }
    }
}
