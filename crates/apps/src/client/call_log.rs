//! Logs each call to the API server, in the form that all clouds share.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use infra_provider_api::{Call, is_read};
use tower::{Layer, Service};

/// Puts [`LogCalls`] around a client's service.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogCallsLayer;

/// A service whose calls are logged.
#[derive(Clone, Debug)]
pub(super) struct LogCalls<S>(S);

impl<S> Layer<S> for LogCallsLayer {
    type Service = LogCalls<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LogCalls(inner)
    }
}

impl<S, In, Out> Service<Request<In>> for LogCalls<S>
where
    S: Service<Request<In>, Response = Response<Out>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        let method = request.method().as_str();
        let call = Call::begin("kubernetes", method, request.uri().path(), !is_read(method));
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await;
            match &answer {
                Ok(response) => {
                    // The API server's audit log has it under this id.
                    let id = response.headers().get("audit-id").and_then(|id| id.to_str().ok());
                    call.answered(response.status().as_u16(), id);
                }
                Err(_) => call.unanswered("no answer"),
            }
            answer
        })
    }
}
