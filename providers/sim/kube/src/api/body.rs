use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use super::error::{ApiError, ApiResult};

/// What the API server reads at most (etcd's 1.5 MiB, doubled as the real one does for bodies).
const LIMIT: usize = 3 * 1024 * 1024;

/// Reads a body.
pub(crate) async fn read(body: Incoming) -> ApiResult<Bytes> {
    match Limited::new(body, LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            format!("Request entity too large: limit is {LIMIT}"),
        )),
        Err(error) => Err(ApiError::bad_request(format!("reading the body: {error}"))),
    }
}

/// Returns the media type of the body, without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// Reads a body that holds an object: JSON, YAML, or the protobuf that typed clients send.
pub(crate) fn object(headers: &HeaderMap, bytes: &[u8]) -> ApiResult<Value> {
    let media = media_type(headers);
    let value: Value = match media {
        "" | "application/json" | "*/*" => serde_json::from_slice(bytes).map_err(|error| {
            ApiError::bad_request(format!("couldn't get version/kind; json parse error: {error}"))
        })?,
        "application/yaml" | "application/x-yaml" | "text/yaml" => yaml(bytes)?,
        "application/vnd.kubernetes.protobuf" => {
            crate::schema::from_wire(bytes).ok_or_else(|| {
                ApiError::bad_request(
                    "the protobuf body could not be read as an object of this server",
                )
            })?
        }
        other => return Err(unsupported(other, "application/json, application/yaml")),
    };
    if value.is_object() {
        Ok(value)
    } else {
        Err(ApiError::bad_request(
            "couldn't get version/kind; json parse error: json: cannot unmarshal into Go value of type struct { APIVersion string; Kind string }",
        ))
    }
}

/// Reads YAML, of which JSON is a part.
pub(crate) fn yaml(bytes: &[u8]) -> ApiResult<Value> {
    serde_yaml_ng::from_slice(bytes)
        .map_err(|error| ApiError::bad_request(format!("error parsing YAML: {error}")))
}

pub(crate) fn unsupported(media: &str, accepted: &str) -> ApiError {
    ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "UnsupportedMediaType",
        format!(
            "the body of the request was in an unknown format - accepted media types include: {accepted} (it was {media})"
        ),
    )
}
