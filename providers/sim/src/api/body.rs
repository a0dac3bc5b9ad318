//! Request bodies: JSON, with refusals in the vendor's shape.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::Api;
use super::refusal::Refusal;

/// A JSON body of type `T`. Unknown fields are ignored, as the vendor does.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Refusal> {
        let json = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.split(';').next())
            .is_some_and(|v| v.trim().eq_ignore_ascii_case("application/json"));
        if !json {
            return Err(Refusal::unsupported_media_type());
        }
        let bytes = Bytes::from_request(request, api)
            .await
            .map_err(|e| Refusal::bad_request(e.to_string()))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|e| {
            if e.is_data() {
                Refusal::unprocessable(e.to_string())
            } else {
                Refusal::bad_request("Error parsing request body: it is not valid JSON.")
            }
        })
    }
}
