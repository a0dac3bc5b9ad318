//! One request and its answer.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use infra_provider_api::{Call, CloudError, Context, ErrorKind, RetryPolicy, is_read, retry};
use reqwest::{Method, Response, header::HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use super::{
    errors::{self, Answer},
    limiter::Limiter,
    lists::Shared,
    window::Standing,
};
use crate::connection::{Connection, is_loopback};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Creating droplets takes the vendor several seconds; cutting it short would leave the outcome
/// open.
const EFFECT_TIMEOUT: Duration = Duration::from_secs(90);
/// After a refusal without a word about when: a few seconds free some of the minute's requests.
const PAUSE_UNASKED: Duration = Duration::from_secs(2);
const USER_AGENT: &str = concat!("infra/", env!("CARGO_PKG_VERSION"));

/// One account on one API. Connections are pooled; all calls share the account's rate limit.
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    token: SecretString,
    token_variable: String,
    limiter: Limiter,
    pub(super) shared: Shared,
    writes: AtomicU64,
}

/// Path below `/v2`, as segments: each is escaped, so no name can reach out of its place.
pub(crate) type Path<'a> = &'a [&'a str];
/// Query of a request.
pub(crate) type Query<'a> = &'a [(&'a str, &'a str)];

impl Client {
    pub(crate) fn new(connection: &Connection) -> Result<Self, CloudError> {
        let local = |why: String| CloudError::new(ErrorKind::Local, "connect to DigitalOcean", why);
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            // The token must not follow a redirect to somewhere else.
            .redirect(reqwest::redirect::Policy::none());
        // A proxy of the environment leads out of this machine.
        if connection.api_url.host().as_ref().is_some_and(is_loopback) {
            builder = builder.no_proxy();
        }
        if let Some(pem) = &connection.ca_pem {
            let trusted = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
                .map_err(|error| local(format!("the extra certificates can't be read: {error}")))?;
            builder = builder.tls_certs_only(trusted);
        }
        let http = builder.build().map_err(|error| local(format!("no HTTP client: {error}")))?;
        Ok(Self {
            http,
            base: connection.api_url.clone(),
            token: connection.token.clone(),
            token_variable: connection.token_variable.clone(),
            limiter: Limiter::new(connection.clock_speed),
            shared: Shared::default(),
            writes: AtomicU64::new(0),
        })
    }

    /// Changes with each call that may have an effect, when it begins and when it ends.
    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    fn url(&self, path: Path<'_>, query: Query<'_>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v2").extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Reads; repeated on every passing failure.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
        query: Query<'_>,
    ) -> Result<T, CloudError> {
        self.get_parsed(cx, operation, path, query, &|body: &[u8]| parse(operation, body)).await
    }

    /// Reads an answer by `parse`. An answer that it refuses is asked for again.
    pub(super) async fn get_parsed<T>(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
        query: Query<'_>,
        parse: &(dyn Fn(&[u8]) -> Result<T, CloudError> + Sync),
    ) -> Result<T, CloudError> {
        let url = self.url(path, query);
        retry(cx, RetryPolicy::READ, || async {
            let request = self.http.request(Method::GET, url.clone()).timeout(READ_TIMEOUT);
            let body = self.send(cx, operation, request).await?;
            parse(&body)
        })
        .await
    }

    /// Reads what may not be there.
    pub(crate) async fn get_optional<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
    ) -> Result<Option<T>, CloudError> {
        match self.get(cx, operation, path, &[]).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a call with an effect, once: the engine decides about another.
    pub(crate) async fn effect<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        method: Method,
        path: Path<'_>,
        body: &B,
    ) -> Result<T, CloudError> {
        let answer = self.effect_raw(cx, operation, method, path, Some(body)).await?;
        parse(operation, &answer)
    }

    /// Makes a call with an effect and no answer worth reading.
    pub(crate) async fn effect_silent<B: Serialize + Sync>(
        &self,
        cx: &Context,
        operation: &str,
        method: Method,
        path: Path<'_>,
        body: &B,
    ) -> Result<(), CloudError> {
        self.effect_raw(cx, operation, method, path, Some(body)).await.map(drop)
    }

    /// Deletes. `false` when there was nothing to delete any more.
    pub(crate) async fn delete(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
    ) -> Result<bool, CloudError> {
        match self.effect_raw::<()>(cx, operation, Method::DELETE, path, None).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn effect_raw<B: Serialize + Sync>(
        &self,
        cx: &Context,
        operation: &str,
        method: Method,
        path: Path<'_>,
        body: Option<&B>,
    ) -> Result<Vec<u8>, CloudError> {
        let mut request = self.http.request(method, self.url(path, &[])).timeout(EFFECT_TIMEOUT);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.writes.fetch_add(1, Ordering::SeqCst);
        let answer = self.send(cx, operation, request).await;
        self.writes.fetch_add(1, Ordering::SeqCst);
        answer
    }

    async fn send(
        &self,
        cx: &Context,
        operation: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<Vec<u8>, CloudError> {
        // Kept until the answer is there.
        let _permit = self.limiter.permit(cx, operation).await?;
        let request = request.bearer_auth(self.token.expose_secret()).build();
        let request = request.map_err(|e| errors::no_answer(operation, &e))?;
        let method = request.method().as_str();
        let call = Call::begin("digitalocean", method, request.url().path(), !is_read(method));
        let exchange = async {
            match self.http.execute(request).await {
                Ok(answer) => {
                    let id = answer.headers().get("x-request-id").and_then(|id| id.to_str().ok());
                    call.answered(answer.status().as_u16(), id);
                    self.read(operation, answer).await
                }
                Err(error) => {
                    call.unanswered("no answer");
                    Err(errors::no_answer(operation, &error))
                }
            }
        };
        tokio::select! {
            answer = exchange => answer,
            () = cx.stop.cancelled() => {
                Err(CloudError::new(ErrorKind::Cancelled, operation, "stopped before the answer came"))
            }
        }
    }

    async fn read(&self, operation: &str, answer: Response) -> Result<Vec<u8>, CloudError> {
        let status = answer.status();
        let headers = answer.headers().clone();
        if let Some(remaining) = number(&headers, "ratelimit-remaining") {
            let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            self.limiter.learn(Standing {
                limit: number(&headers, "ratelimit-limit").map(small),
                remaining: small(remaining),
                reset_in: number(&headers, "ratelimit-reset").map(until_epoch),
            });
        }
        let body = answer.bytes().await;
        if status.is_success() {
            return body.map(Vec::from).map_err(|e| errors::no_answer(operation, &e));
        }
        let retry_after = number(&headers, "retry-after").map(Duration::from_secs);
        if status.as_u16() == 429 {
            self.limiter.refused(retry_after.unwrap_or(PAUSE_UNASKED));
        }
        let text =
            |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Err(errors::refused(&Answer {
            operation,
            status: status.as_u16(),
            request_id: text("x-request-id"),
            retry_after,
            body: &body.unwrap_or_default(),
            credential: &self.token_variable,
        }))
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn until_epoch(epoch_s: u64) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Duration::from_secs(epoch_s).saturating_sub(now)
}

/// Parses the body as what was asked for. The error does not repeat the body, which may be
/// anything.
pub(crate) fn parse<T: DeserializeOwned>(operation: &str, body: &[u8]) -> Result<T, CloudError> {
    serde_json::from_slice(body).map_err(|error| senseless(operation, body, &error))
}

/// Makes the error for a body that is not what was asked for.
pub(super) fn senseless(operation: &str, body: &[u8], error: &serde_json::Error) -> CloudError {
    let message = if body.is_empty() {
        "the answer is empty".to_owned()
    } else {
        format!("the answer ({} bytes) makes no sense: {error}", body.len())
    };
    CloudError::new(ErrorKind::MalformedResponse, operation, message)
}
