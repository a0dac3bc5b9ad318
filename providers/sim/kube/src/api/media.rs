use axum::body::Body;
use http::{HeaderMap, Response, StatusCode, header};
use serde_json::Value;

use super::error::ApiError;

/// The form the client wants objects in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are.
    Full,
    /// As rows of a Table.
    Table,
    /// Their metadata only.
    Metadata,
}

/// Reads the Accept header; 406 when it offers nothing the server speaks.
pub(crate) fn form_of(headers: &HeaderMap) -> Result<Form, ApiError> {
    let accept = accept_of(headers);
    if accept.trim().is_empty() {
        return Ok(Form::Full);
    }
    for offer in accept.split(',') {
        let mut params = offer.split(';').map(str::trim);
        let media = params.next().unwrap_or_default();
        if !matches!(
            media,
            "application/json"
                | "*/*"
                | "application/*"
                | "application/yaml"
                | "text/*"
                | "text/plain"
                | "text/html"
        ) {
            continue;
        }
        let form = params.find_map(|param| param.strip_prefix("as="));
        return match form {
            None => Ok(Form::Full),
            Some("Table") => Ok(Form::Table),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Ok(Form::Metadata),
            Some(_) => continue,
        };
    }
    Err(ApiError::new(
        StatusCode::NOT_ACCEPTABLE,
        "NotAcceptable",
        "only the following media types are accepted: application/json, application/yaml",
    ))
}

/// Returns the Accept header.
pub(crate) fn accept_of(headers: &HeaderMap) -> &str {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Makes a JSON answer.
pub(crate) fn json(code: StatusCode, value: &Value) -> Response<Body> {
    typed(code, "application/json", value.to_string())
}

/// Makes an answer of this media type.
pub(crate) fn typed(code: StatusCode, media: &str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = code;
    if let Ok(media) = media.parse() {
        response.headers_mut().insert(header::CONTENT_TYPE, media);
    }
    response
}

/// Puts warnings on an answer; kubectl shows them.
pub(crate) fn warn(response: &mut Response<Body>, warnings: &[String]) {
    for warning in warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = format!("299 - \"{quoted}\"").parse() {
            response.headers_mut().append(header::WARNING, value);
        }
    }
}
