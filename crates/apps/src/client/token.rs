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

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicU32, Ordering},
    };

    use async_trait::async_trait;
    use http::Response;
    use infra_provider_api::{CloudError, ErrorKind, KubeCredential};
    use tower::{ServiceExt, service_fn};

    use super::*;

    /// Makes another token each time, and none at the third.
    #[derive(Default)]
    struct Numbered(AtomicU32);

    #[async_trait]
    impl KubeToken for Numbered {
        async fn token(&self) -> Result<KubeCredential, CloudError> {
            let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            if number == 3 {
                return Err(CloudError::new(ErrorKind::Unauthorized, "ask for a token", "refused"));
            }
            Ok(KubeCredential { token: format!("token-{number}").into(), ends: None })
        }
    }

    #[tokio::test]
    async fn each_call_carries_the_token_of_its_time() {
        let echo = service_fn(|request: Request<()>| async move {
            let value = &request.headers()[AUTHORIZATION];
            assert!(value.is_sensitive(), "it must not be logged");
            Ok::<_, Infallible>(Response::new(value.to_str().unwrap_or_default().to_owned()))
        });
        let tokens: Arc<dyn KubeToken> = Arc::new(Numbered::default());
        let mut service = TokenLayer::new(&tokens).layer(echo);
        for wanted in ["Bearer token-1", "Bearer token-2"] {
            let answer = service.ready().await.unwrap().call(Request::new(())).await.unwrap();
            assert_eq!(answer.body(), wanted);
        }
        let refused = service.ready().await.unwrap().call(Request::new(())).await.unwrap_err();
        assert_eq!(refused.to_string(), "ask for a token: refused");
    }
}
