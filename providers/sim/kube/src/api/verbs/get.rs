use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};

use super::show;
use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::request::Target;

/// Handles GET of one object.
pub(crate) fn get(server: &Arc<Server>, call: &Call, target: &Target) -> ApiResult<Response<Body>> {
    let object = server
        .cluster
        .store()
        .get(&target.kind.stored(), target.ns(), target.name())
        .ok_or_else(|| ApiError::not_found(&target.kind, target.name()))?;
    show::one(call, &target.kind, StatusCode::OK, &object)
}
