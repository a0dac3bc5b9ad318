use http::StatusCode;
use serde_json::Value;

use crate::api::error::{ApiError, ApiResult};

/// Applies a JSON patch (RFC 6902).
pub(crate) fn json_patch(object: &Value, body: &[u8]) -> ApiResult<Value> {
    let patch: json_patch::Patch = serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
    if patch.0.len() > 10_000 {
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            format!(
                "The allowed maximum operations in a JSON patch is 10000, got {}",
                patch.0.len()
            ),
        ));
    }
    let mut out = object.clone();
    json_patch::patch(&mut out, &patch).map_err(|error| {
        ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            format!("the server rejected our request due to an error in our request: {error}"),
        )
    })?;
    Ok(out)
}

/// Applies a merge patch (RFC 7386).
pub(crate) fn merge_patch(object: &Value, patch: &Value) -> Value {
    let mut out = object.clone();
    json_patch::merge(&mut out, patch);
    out
}
