//! Answers that go wrong on purpose.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;

use super::Refusal;
use crate::faults::{Effect, Fault, client};

/// Marks a response that must never be sent: the connection is cut instead.
#[derive(Debug, Clone, Copy)]
pub struct Cut;

/// Returns the answer that stands in for the effect, if the fault hits before it. It kills the
/// client if the fault asks for that.
pub fn before(fault: &Fault) -> Option<Response> {
    let mut response = match fault.effect {
        Effect::TooManyRequests => Refusal::too_many_requests().into_response(),
        Effect::Forbidden => {
            Refusal::forbidden("You are not authorized to perform this operation").into_response()
        }
        Effect::ServerError => server_error(StatusCode::INTERNAL_SERVER_ERROR),
        Effect::BadGateway => server_error(StatusCode::BAD_GATEWAY),
        Effect::Unavailable => server_error(StatusCode::SERVICE_UNAVAILABLE),
        Effect::ResetBefore => cut(),
        Effect::KillClientBefore => {
            client::strike(fault, Effect::KillClientBefore);
            cut()
        }
        _ => return None,
    };
    if let Some(seconds) = fault.retry_after_s
        && let Ok(value) = HeaderValue::from_str(&seconds.to_string())
    {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    Some(response)
}

/// Changes the answer as a fault that hits after the effect says. It kills the client if the fault
/// asks for that.
pub async fn after(fault: &Fault, response: Response) -> Response {
    match fault.effect {
        Effect::ResetAfter => cut(),
        Effect::KillClientAfter => {
            client::strike(fault, Effect::KillClientAfter);
            cut()
        }
        Effect::Truncate => truncate(response).await,
        Effect::NotJson => (
            StatusCode::OK,
            [(CONTENT_TYPE, "text/html")],
            "<html><body><h1>We'll be back soon</h1></body></html>",
        )
            .into_response(),
        _ => response,
    }
}

fn server_error(status: StatusCode) -> Response {
    Refusal::server_error(status).into_response()
}

fn cut() -> Response {
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(Cut);
    response
}

/// Announces the whole length, sends half, then breaks off.
async fn truncate(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(whole) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return cut();
    };
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let half = whole.slice(..whole.len() / 2);
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let stream = futures::stream::iter([Ok::<Bytes, std::io::Error>(half), Err(broken)]);
    Response::from_parts(parts, Body::from_stream(stream))
}
