//! Puts a token on each call to an API server that a cloud runs. The token is asked for each time, so that
//! none is used after its end.

use std::{
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, header::AUTHORIZATION};
use infra_provider_api::KubeToken;
use secrecy::ExposeSecret;
use tower::{BoxError, Layer, Service, buffer::Buffer};

/// How many calls may wait for the connection at a time.
const WAITING_MAX: usize = 1024;

/// Puts [`WithToken`] around a client's service.
pub(super) struct TokenLayer<In> {
    tokens: Arc<dyn KubeToken>,
    request: PhantomData<fn(In)>,
}

impl<In> TokenLayer<In> {
    /// Makes the layer for tokens of `tokens`.
    pub(super) fn new(tokens: &Arc<dyn KubeToken>) -> Self {
        Self { tokens: Arc::clone(tokens), request: PhantomData }
    }
}

/// A service whose calls carry a token.
#[derive(Clone)]
pub(super) struct WithToken<S> {
    inner: S,
    tokens: Arc<dyn KubeToken>,
}

impl<S, In> Layer<S> for TokenLayer<In>
where
    S: Service<Request<In>> + Send + 'static,
    S::Error: Into<BoxError> + Send + Sync,
    S::Future: Send,
    In: Send + 'static,
{
    type Service = WithToken<Buffer<Request<In>, S::Future>>;

    /// The calls of several tasks wait for their tokens at the same time, so the service must be shared.
    fn layer(&self, inner: S) -> Self::Service {
        WithToken { inner: Buffer::new(inner, WAITING_MAX), tokens: Arc::clone(&self.tokens) }
    }
}

impl<S, In> Service<Request<In>> for WithToken<S>
where
    S: Service<Request<In>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    In: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<In>) -> Self::Future {
        // The service that was asked whether it is ready is the one that must be called.
        let clone = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, clone);
        let tokens = Arc::clone(&self.tokens);
        Box::pin(async move {
            let credential = tokens.token().await?;
            let bearer = format!("Bearer {}", credential.token.expose_secret());
            let mut value = HeaderValue::try_from(bearer)?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
            ready.call(request).await.map_err(Into::into)
        })
    }
}
