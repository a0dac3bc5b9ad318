//! What objects have below them, and kinds that are only asked.

mod binding;
mod eviction;
mod kubelet;
mod log;
mod portforward;
mod review;
mod scale;
mod token;

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Response};

use super::call::Call;
use super::context::Server;
use super::error::{ApiError, ApiResult};
use super::request::Target;

/// Answers a subresource other than those that are a part of the object itself.
pub(crate) async fn answer(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let post = call.method == Method::POST;
    match target.subresource.as_deref().unwrap_or_default() {
        "scale" => scale::answer(server, call, target).await,
        "eviction" if post => eviction::evict(server, call, target).await,
        "binding" if post => binding::bind(server, call, target),
        "token" if post => token::issue(server, call, target),
        "log" if call.method == Method::GET => log::read(server, call, target),
        "portforward" => portforward::forward(server, call, target),
        "proxy" => kubelet::proxy(server, call, target),
        "exec" | "attach" => {
            let pods = target.kind.resource();
            if let Some(pod) = server.cluster.store().get(&pods, target.ns(), target.name()) {
                kubelet::dial(server, &pod)?;
            }
            Err(ApiError::bad_request(
                "pods of the embedded cloud are simulated: there is no process to connect to",
            ))
        }
        _ => Err(ApiError::method_not_supported()),
    }
}

/// Answers a kind that is only asked: reviews, and the binding of a pod.
pub(crate) fn create_only(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    if target.kind.is("", "bindings") {
        return binding::bind(server, call, target);
    }
    review::answer(server, call, target)
}
