use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::json;

use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::ApiResult;
use crate::api::media;

/// What clients ask for has an `@`, which no media type may have; it is answered with a dot.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Answers `/openapi/v2`, only so that there is one. Clients that find `/openapi/v3` take the
/// schemas there. Clients that insist on this document, in protobuf, get a valid one without
/// definitions.
pub(super) fn answer(server: &Arc<Server>, call: &Call) -> ApiResult<Response<Body>> {
    let version = server.cluster.version();
    if media::accept_of(&call.headers).contains("proto-openapi.spec.v2") {
        let mut info = field(1, b"Kubernetes");
        info.extend(field(2, version.as_bytes()));
        let mut document = field(1, b"2.0");
        document.extend(field(2, &info));
        document.extend(field(8, b""));
        return Ok(media::typed(StatusCode::OK, PROTOBUF, document));
    }
    let document = json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": version},
        "paths": {}, "definitions": {}});
    Ok(media::json(StatusCode::OK, &document))
}

/// Encodes a length-delimited protobuf field; the numbers and lengths here fit one byte each.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2, bytes.len().min(127) as u8];
    out.extend(bytes.iter().take(127));
    out
}
