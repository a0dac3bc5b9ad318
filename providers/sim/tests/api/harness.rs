//! An embedded cloud in this process, and a client for it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use infra_sim::{Endpoint, ServeOptions};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running embedded cloud.
pub struct Harness {
    pub dir: Option<tempfile::TempDir>,
    pub data: PathBuf,
    pub endpoint: Endpoint,
    pub client: Client,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

/// An answer.
pub struct Got {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Got {
    /// The error's message, after checking its shape.
    #[track_caller]
    pub fn refused(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.body);
        assert!(self.body["id"].is_string(), "{}", self.body);
        assert_eq!(
            self.body["request_id"].as_str(),
            self.headers.get("x-request-id").map(|v| v.to_str().unwrap())
        );
        self.body["message"].as_str().unwrap()
    }

    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

impl Harness {
    /// A fresh one.
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("sim");
        let mut harness = Self::over(data).await;
        harness.dir = Some(dir);
        harness
    }

    /// Over a data folder.
    pub async fn over(data: PathBuf) -> Self {
        let stop = CancellationToken::new();
        let options =
            ServeOptions { data: data.clone(), seed: 7, speed: 20.0, exe: "/bin/false".into() };
        let task = tokio::spawn({
            let stop = stop.clone();
            async move { infra_sim::serve(options, stop).await.unwrap() }
        });
        let begun = Instant::now();
        let endpoint = loop {
            if let Some(endpoint) = Endpoint::load(&data).unwrap() {
                break endpoint;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "not ready");
            assert!(!task.is_finished(), "ended");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let ca =
            reqwest::Certificate::from_pem(&std::fs::read(&endpoint.ca_file).unwrap()).unwrap();
        let client = Client::builder().tls_certs_only([ca]).build().unwrap();
        Self { dir: None, data, endpoint, client, stop, task: Some(task) }
    }

    /// Stops the server as a signal would, and gives its data folder.
    pub async fn stop(mut self) -> (Option<tempfile::TempDir>, PathBuf) {
        self.stop.cancel();
        self.task.take().unwrap().await.unwrap();
        (self.dir.take(), self.data.clone())
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Got {
        let mut request = self
            .client
            .request(method.clone(), format!("{}{path}", self.endpoint.digitalocean))
            .bearer_auth(&self.endpoint.token);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let got = got(request.send().await.unwrap()).await;
        let json = got.headers.get("content-type").is_none_or(|t| t == "application/json");
        if path.starts_with("/v2/") && json {
            let status = got.status.as_u16();
            crate::openapi::check(method.as_str(), path, body.as_ref(), status, &got.body);
        }
        got
    }

    pub async fn get(&self, path: &str) -> Got {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Got {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Got {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Got {
        self.call(Method::DELETE, path, None).await
    }

    /// Asks again until the answer is as wanted.
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let body = self.get(path).await.body;
            if wanted(&body) {
                return body;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{path}: {body}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Reads an answer whole.
pub async fn got(response: reqwest::Response) -> Got {
    let status = response.status();
    let headers = response.headers().clone();
    let bytes = response.bytes().await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Got { status, headers, body }
}
