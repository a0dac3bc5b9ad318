//! Answers that are not refusals.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::Value;

use super::refusal::Refusal;

/// What a handler gives back.
pub type Reply = Result<Answer, Refusal>;

/// A successful answer.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    body: Option<Value>,
}

impl Answer {
    /// Answers 200 with a body.
    pub fn ok(body: Value) -> Self {
        Self::with(StatusCode::OK, body)
    }

    /// Answers 201 with a body.
    pub fn created(body: Value) -> Self {
        Self::with(StatusCode::CREATED, body)
    }

    /// Answers 202 with a body.
    pub fn accepted(body: Value) -> Self {
        Self::with(StatusCode::ACCEPTED, body)
    }

    /// Answers 204.
    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None }
    }

    fn with(status: StatusCode, body: Value) -> Self {
        Self { status, body: Some(body) }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self.body {
            Some(body) => (self.status, axum::Json(body)).into_response(),
            None => self.status.into_response(),
        }
    }
}
