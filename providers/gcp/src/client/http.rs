//! One request and its answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use infra_provider_api::{Call, CloudError, Context, ErrorKind, RetryPolicy, is_read, retry};
use reqwest::{
    Method, Response,
    header::{CONTENT_LENGTH, HeaderMap},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::Semaphore;
use url::Url;

use super::{
    errors::{self, Answer},
    shared::Shared,
};
use crate::{
    connection::{Connection, is_loopback},
    credentials::{self, Tokens},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Cutting an effect short would leave its outcome open.
const EFFECT_TIMEOUT: Duration = Duration::from_secs(90);
/// Requests at the same time. Google counts them by the minute.
const AT_ONCE: usize = 16;
const USER_AGENT: &str = concat!("infra/", env!("CARGO_PKG_VERSION"));

/// One project on Google's APIs for compute, DNS, IAM and projects. Cheap to clone: connections are pooled.
#[derive(Clone)]
pub(crate) struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    connection: Connection,
    tokens: Arc<dyn Tokens>,
    turn: Semaphore,
    shared: Shared,
    writes: AtomicU64,
}

/// Query of a request.
pub(super) type Query<'a> = &'a [(&'a str, &'a str)];

impl Client {
    pub(crate) fn new(connection: &Connection) -> Result<Self, CloudError> {
        let local = |why: String| CloudError::new(ErrorKind::Local, credentials::OPERATION, why);
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            // The token must not follow a redirect to somewhere else.
            .redirect(reqwest::redirect::Policy::none());
        // A proxy of the environment leads out of this machine.
        if connection.compute.host().as_ref().is_some_and(is_loopback) {
            builder = builder.no_proxy();
        }
        if let Some(pem) = &connection.ca_pem {
            let trusted = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
                .map_err(|error| local(format!("the extra certificates can't be read: {error}")))?;
            builder = builder.tls_certs_only(trusted);
        }
        let http = builder.build().map_err(|error| local(format!("no HTTP client: {error}")))?;
        Ok(Self(Arc::new(Inner {
            http,
            connection: connection.clone(),
            tokens: Arc::clone(&connection.tokens),
            turn: Semaphore::new(AT_ONCE),
            shared: Shared::default(),
            writes: AtomicU64::new(0),
        })))
    }

    /// Returns the project's id.
    pub(crate) fn project(&self) -> &str {
        &self.0.connection.project
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.0.connection
    }

    /// Changes with each call that may have an effect, when it begins and when it ends.
    pub(super) fn writes(&self) -> u64 {
        self.0.writes.load(Ordering::SeqCst)
    }

    /// Notes a call with an effect on what this client lists, which another client makes.
    pub(crate) fn note_write(&self) {
        self.0.writes.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Reads; repeated on every passing failure.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        url: &Url,
    ) -> Result<T, CloudError> {
        self.read(cx, operation, Method::GET, url, None, READ_TIMEOUT).await
    }

    /// Reads what may not be there.
    pub(crate) async fn get_optional<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        url: &Url,
    ) -> Result<Option<T>, CloudError> {
        match self.get(cx, operation, url).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads by a method that is none of HTTP's reading ones and changes nothing all the same: the policy of
    /// a project, the machines of a group. Repeated on every passing failure.
    pub(crate) async fn post_read<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        url: &Url,
        body: &Value,
    ) -> Result<T, CloudError> {
        self.read(cx, operation, Method::POST, url, Some(body), READ_TIMEOUT).await
    }

    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        method: Method,
        url: &Url,
        body: Option<&Value>,
        timeout: Duration,
    ) -> Result<T, CloudError> {
        retry(cx, RetryPolicy::READ, || async {
            let request = self.0.http.request(method.clone(), url.clone());
            let mut request = request.timeout(timeout);
            request = match body {
                Some(body) => request.json(body),
                // Google refuses a POST that does not tell its length.
                None if method == Method::POST => request.header(CONTENT_LENGTH, 0),
                None => request,
            };
            let body = self.send(cx, operation, request).await?;
            parse(operation, &body)
        })
        .await
    }

    /// Makes a call with an effect, once: the engine decides about another.
    pub(crate) async fn effect<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        method: Method,
        url: &Url,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<T, CloudError> {
        let mut request = self.0.http.request(method, url.clone()).timeout(EFFECT_TIMEOUT);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.0.writes.fetch_add(1, Ordering::SeqCst);
        let answer = self.send(cx, operation, request).await;
        self.0.writes.fetch_add(1, Ordering::SeqCst);
        let answer = answer?;
        // Cloud DNS answers a deletion with nothing at all.
        parse(operation, if answer.is_empty() { b"{}" } else { &answer })
    }

    async fn send(
        &self,
        cx: &Context,
        operation: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<Vec<u8>, CloudError> {
        let exchange = async {
            let _turn = self.0.turn.acquire().await;
            let token = self.0.tokens.token().await?.token;
            let quota_project = self.0.connection.quota_project.as_deref();
            let request = request.headers(credentials::headers(&token, quota_project)?).build();
            let request = request.map_err(|error| errors::no_answer(operation, &error))?;
            let method = request.method().as_str();
            let call = Call::begin("gcp", method, request.url().path(), !is_read(method));
            match self.0.http.execute(request).await {
                Ok(answer) => {
                    call.answered(answer.status().as_u16(), None);
                    read_answer(operation, answer).await
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
}

async fn read_answer(operation: &str, answer: Response) -> Result<Vec<u8>, CloudError> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let host = answer.url().host_str().unwrap_or_default().to_owned();
    let body = answer.bytes().await;
    if status.is_success() {
        return body.map(Vec::from).map_err(|error| errors::no_answer(operation, &error));
    }
    Err(errors::refused(&Answer {
        operation,
        status: status.as_u16(),
        retry_after: retry_after(&headers),
        body: &body.unwrap_or_default(),
        host: &host,
    }))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Parses the body as what was asked for. The error does not repeat the body, which may be anything.
fn parse<T: DeserializeOwned>(operation: &str, body: &[u8]) -> Result<T, CloudError> {
    serde_json::from_slice(body).map_err(|error| {
        let message = if body.is_empty() {
            "the answer is empty".to_owned()
        } else {
            format!("the answer ({} bytes) makes no sense: {error}", body.len())
        };
        CloudError::new(ErrorKind::MalformedResponse, operation, message)
    })
}
