//! What is served: versions, groups, kinds and their schemas.

mod aggregated;
mod legacy;
mod openapi;
mod openapi_v2;

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::call::Call;
use super::context::Server;
use super::error::{ApiError, ApiResult};
use super::media;

/// Answers what is not about objects.
pub(crate) fn answer(server: &Arc<Server>, call: &Call) -> ApiResult<Response<Body>> {
    if call.method != Method::GET && call.method != Method::HEAD {
        return Err(ApiError::method_not_supported());
    }
    let path = call.path.trim_end_matches('/');
    match path {
        "/healthz" | "/livez" | "/readyz" => {
            return Ok(media::typed(StatusCode::OK, "text/plain; charset=utf-8", "ok"));
        }
        _ if path.starts_with("/livez/")
            || path.starts_with("/readyz/")
            || path.starts_with("/healthz/") =>
        {
            return Ok(media::typed(StatusCode::OK, "text/plain; charset=utf-8", "ok"));
        }
        "/api" | "/apis" => {
            if let Some(media_type) = aggregated::wanted(media::accept_of(&call.headers)) {
                let value = aggregated::groups(&server.registry, path == "/api", media_type);
                return Ok(media::typed(StatusCode::OK, media_type, value.to_string()));
            }
        }
        "/openapi/v2" => return openapi_v2::answer(server, call),
        _ => {}
    }
    let value: Option<Value> = match path {
        "/version" => Some(version(server.cluster.version())),
        "" => Some(
            json!({"paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]}),
        ),
        "/api" => Some(legacy::core_versions()),
        "/apis" => Some(legacy::groups(&server.registry)),
        "/openapi/v3" => Some(openapi::index(&server.registry)),
        _ => match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
            ["api", version] => legacy::resources(&server.registry, "", version),
            ["apis", group] => legacy::group(&server.registry, group),
            ["apis", group, version] => legacy::resources(&server.registry, group, version),
            ["openapi", "v3", "api", version] => openapi::document(&server.registry, "", version),
            ["openapi", "v3", "apis", group, version] => {
                openapi::document(&server.registry, group, version)
            }
            _ => None,
        },
    };
    match value {
        Some(value) => Ok(media::json(StatusCode::OK, &value)),
        None => Err(ApiError::no_such_path()),
    }
}

fn version(version: &str) -> Value {
    let plain = version.trim_start_matches('v');
    let mut parts = plain.split('.');
    json!({
        "major": parts.next().unwrap_or("1"), "minor": parts.next().unwrap_or("0"),
        "gitVersion": format!("v{plain}"), "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "linux/amd64",
    })
}
