//! An embedded cloud in this process, and a client for Google's APIs in it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use infra_sim::{Endpoint, ServeOptions};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running embedded cloud.
pub struct Harness {
    pub dir: Option<tempfile::TempDir>,
    pub data: PathBuf,
    pub endpoint: Endpoint,
    /// The control API's.
    control: Client,
    pub client: Client,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

/// An answer.
#[derive(Debug)]
pub struct Got {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Got {
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// The error, after checking the parts that every envelope has.
    #[track_caller]
    pub fn refused(self, status: u16, reason: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        let error = self.body["error"].clone();
        assert_eq!(error["code"], status, "{error}");
        assert_eq!(error["errors"][0]["reason"], reason, "{error}");
        assert_eq!(error["errors"][0]["domain"], "global", "{error}");
        assert_eq!(error["errors"][0]["message"], error["message"], "{error}");
        error
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
        let control = Client::builder().tls_certs_only([ca]).build().unwrap();
        let client = Client::new();
        Self { dir: None, data, endpoint, control, client, stop, task: Some(task) }
    }

    /// Stops the server as a signal would, and gives its data folder.
    pub async fn stop(mut self) -> (Option<tempfile::TempDir>, PathBuf) {
        self.stop.cancel();
        self.task.take().unwrap().await.unwrap();
        (self.dir.take(), self.data.clone())
    }

    pub fn project(&self) -> &str {
        &self.endpoint.gcp.project
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.endpoint.gcp.url())
    }

    /// The path of something in Compute Engine's part of the project.
    pub fn compute(&self, path: &str) -> String {
        format!("/compute/v1/projects/{}/{path}", self.project())
    }

    /// The path of something in Cloud DNS' part of the project.
    pub fn dns(&self, path: &str) -> String {
        format!("/dns/v1/projects/{}/{path}", self.project())
    }

    /// The link to something in the project.
    pub fn link(&self, path: &str) -> String {
        format!("https://www.googleapis.com/compute/v1/projects/{}/{path}", self.project())
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Got {
        let mut request =
            self.client.request(method, self.url(path)).bearer_auth(&self.endpoint.gcp.token);
        if let Some(body) = &body {
            request = request.json(body);
        }
        got(request.send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Got {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Got {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Got {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Got {
        self.call(Method::DELETE, path, None).await
    }

    /// Waits until an operation is done, and gives it.
    pub async fn wait(&self, operation: &Value) -> Value {
        let link = operation["selfLink"].as_str().unwrap();
        let path = link.strip_prefix("https://www.googleapis.com").unwrap();
        let begun = Instant::now();
        loop {
            let done = self.post(&format!("{path}/wait"), json!({})).await.ok();
            if done["status"] == "DONE" {
                return done;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{done}");
        }
    }

    /// Makes a resource, waits for it, and gives its path.
    pub async fn make(&self, collection: &str, body: Value) -> String {
        let name = body["name"].as_str().unwrap().to_owned();
        let path = self.compute(collection);
        let operation = self.post(&path, body).await.ok();
        let done = self.wait(&operation).await;
        assert!(done.get("error").is_none(), "{done}");
        format!("{path}/{name}")
    }

    /// Deletes a resource and waits until it is gone.
    pub async fn remove(&self, path: &str) {
        let operation = self.delete(path).await.ok();
        self.wait(&operation).await;
        self.get(path).await.refused(404, "notFound");
    }

    /// Makes a network and gives its path.
    pub async fn network(&self, name: &str) -> String {
        self.make("global/networks", json!({"name": name, "autoCreateSubnetworks": false})).await
    }

    pub async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.endpoint.control);
        let mut request = self.control.request(method, url).bearer_auth(&self.endpoint.token);
        if let Some(body) = &body {
            request = request.json(body);
        }
        got(request.send().await.unwrap()).await.body
    }

    /// Sets a fault of Google's APIs.
    pub async fn fault(&self, mut fault: Value) {
        fault["api"] = json!("gcp");
        let set = self.control(Method::POST, "/sim/faults", Some(fault)).await;
        assert!(set["id"].is_u64(), "{set}");
    }

    /// What exists in the project.
    pub async fn inventory(&self) -> Value {
        self.control(Method::GET, "/sim/inventory", None).await["gcp"].clone()
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

/// Lists the paths of all keys of an answer; `[]` stands for the items of a list.
pub fn paths(body: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    collect(body, "", &mut all);
    all
}

fn collect(body: &Value, here: &str, all: &mut BTreeSet<String>) {
    match body {
        Value::Object(map) => {
            for (key, value) in map {
                let path = if here.is_empty() { key.clone() } else { format!("{here}.{key}") };
                collect(value, &path, all);
                all.insert(path);
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|item| collect(item, &format!("{here}[]"), all));
        }
        _ => {}
    }
}

/// Checks that an answer has exactly these paths, which are written with spaces between them.
#[track_caller]
pub fn assert_paths(body: &Value, wanted: &str) {
    let wanted: BTreeSet<String> = wanted.split_whitespace().map(str::to_owned).collect();
    assert_eq!(paths(body), wanted, "{body}");
}
