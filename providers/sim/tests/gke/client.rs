//! A small client, and an embedded cloud for it.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use infra_sim::{Endpoint, ServeOptions, SimError};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long anything may take. Generous: hosts of tests are slow at times.
const PATIENCE: Duration = Duration::from_secs(90);
/// The region of the tests' clusters.
pub const REGION: &str = "europe-west1";

/// A running embedded cloud.
pub struct Google {
    pub endpoint: Endpoint,
    pub http: reqwest::Client,
    stop: CancellationToken,
    task: JoinHandle<Result<(), SimError>>,
}

/// An answer that is not 200.
#[derive(Debug)]
pub struct Refused {
    pub status: StatusCode,
    pub error: Value,
}

impl Refused {
    pub fn message(&self) -> &str {
        self.error["message"].as_str().unwrap_or_default()
    }

    /// The reason of the first `ErrorInfo`.
    pub fn reason(&self) -> &str {
        let details = self.error["details"].as_array();
        let reasons = details.into_iter().flatten().filter_map(|one| one["reason"].as_str());
        reasons.into_iter().next().unwrap_or_default()
    }
}

/// Looks again and again until `look` gives something.
pub async fn watch<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Google {
    pub async fn start(data: &Path) -> Self {
        Self::start_at(data, 10.0).await
    }

    pub async fn start_at(data: &Path, speed: f64) -> Self {
        let stop = CancellationToken::new();
        let exe = env!("CARGO_BIN_EXE_infra-sim-stand-in").into();
        let options = ServeOptions { data: data.to_owned(), seed: 7, speed, exe };
        let task = tokio::spawn(infra_sim::serve(options, stop.clone()));
        let endpoint = watch("the embedded cloud is ready", || async {
            assert!(!task.is_finished(), "the embedded cloud ended");
            Endpoint::load(data).unwrap()
        })
        .await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { endpoint, http, stop, task }
    }

    /// Ends it as a killed process would.
    pub async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// The path below GKE's project.
    pub fn gke(&self, rest: &str) -> String {
        format!("/v1/projects/{}/locations/{rest}", self.endpoint.gcp.project)
    }

    /// The path below Compute Engine's project.
    pub fn compute(&self, rest: &str) -> String {
        format!("/compute/v1/projects/{}/{rest}", self.endpoint.gcp.project)
    }

    pub async fn try_call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Refused> {
        let url = format!("{}{path}", self.endpoint.gcp.url());
        let mut request = self.http.request(method, url).bearer_auth(&self.endpoint.gcp.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() {
            Ok(value)
        } else {
            Err(Refused { status, error: value["error"].clone() })
        }
    }

    pub async fn get(&self, path: &str) -> Value {
        self.try_call(Method::GET, path, None).await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.try_call(Method::POST, path, Some(body)).await.unwrap()
    }

    pub async fn delete(&self, path: &str) -> Value {
        self.try_call(Method::DELETE, path, None).await.unwrap()
    }

    pub async fn refused(&self, method: Method, path: &str, body: Value) -> Refused {
        self.try_call(method, path, Some(body)).await.unwrap_err()
    }

    /// Waits until an operation of GKE is over; gives it.
    pub async fn done(&self, operation: &Value) -> Value {
        let location = operation["zone"].as_str().unwrap();
        let name = operation["name"].as_str().unwrap();
        let path = self.gke(&format!("{location}/operations/{name}"));
        watch(&format!("the operation {name} is done"), || async {
            let now = self.get(&path).await;
            (now["status"] == "DONE").then_some(now)
        })
        .await
    }

    /// Waits until an operation of Compute Engine is over.
    async fn compute_done(&self, operation: Value) {
        let link = operation["selfLink"].as_str().unwrap();
        let path = link.strip_prefix("https://www.googleapis.com").unwrap();
        let done = self.post(&format!("{path}/wait"), json!({})).await;
        assert!(done.get("error").is_none() && done["status"] == "DONE", "{done}");
    }

    /// Makes a network with a subnet for machines, pods and Services, unless it is there.
    async fn network(&self) {
        let networks = self.compute("global/networks");
        if self.try_call(Method::GET, &format!("{networks}/net"), None).await.is_ok() {
            return;
        }
        let network = json!({"name": "net", "autoCreateSubnetworks": false});
        self.compute_done(self.post(&networks, network).await).await;
        let subnet = json!({
            "name": "sub", "network": "global/networks/net", "ipCidrRange": "10.10.0.0/20",
            "secondaryIpRanges": [
                {"rangeName": "pods", "ipCidrRange": "10.20.0.0/14"},
                {"rangeName": "services", "ipCidrRange": "10.30.0.0/20"},
            ],
        });
        let path = self.compute(&format!("regions/{REGION}/subnetworks"));
        self.compute_done(self.post(&path, subnet).await).await;
    }

    /// Makes a cluster in a network of its own, with one pool, and waits until it runs.
    pub async fn cluster(&self, name: &str, count: u32) -> Value {
        let path = self.gke(&format!("{REGION}/clusters"));
        self.network().await;
        let mut spec = spec(name, count);
        spec["network"] = json!("net");
        spec["subnetwork"] = json!("sub");
        spec["ipAllocationPolicy"] = json!({"useIpAliases": true,
            "clusterSecondaryRangeName": "pods", "servicesSecondaryRangeName": "services"});
        let operation = self.post(&path, json!({"cluster": spec})).await;
        let done = self.done(&operation).await;
        assert!(done.get("error").is_none(), "{done}");
        self.get(&format!("{path}/{name}")).await
    }

    /// Deletes a cluster, and waits until it is gone.
    pub async fn drop_cluster(&self, name: &str) {
        let path = self.gke(&format!("{REGION}/clusters/{name}"));
        let operation = self.delete(&path).await;
        self.done(&operation).await;
        let refused = self.try_call(Method::GET, &path, None).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::NOT_FOUND);
    }

    /// The path of a pool.
    pub fn pool(&self, cluster: &str, rest: &str) -> String {
        self.gke(&format!("{REGION}/clusters/{cluster}/nodePools{rest}"))
    }

    /// The instances of all pools: name and zone, sorted.
    pub async fn instances(&self) -> Vec<(String, String)> {
        let all = self.get(&self.compute("aggregated/instances")).await;
        let scopes = all["items"].as_object().unwrap();
        let mut found = Vec::new();
        for (scope, items) in scopes {
            for one in items["instances"].as_array().into_iter().flatten() {
                let zone = scope.trim_start_matches("zones/").to_owned();
                found.push((one["name"].as_str().unwrap().to_owned(), zone));
            }
        }
        found.sort();
        found
    }

    /// Sets a fault.
    pub async fn fault(&self, fault: Value) -> u64 {
        let url = format!("{}/sim/faults", self.endpoint.control);
        let request = self.control().post(url).bearer_auth(&self.endpoint.token).json(&fault);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["id"].as_u64().unwrap()
    }

    /// Takes all faults away.
    pub async fn clear_faults(&self) {
        let url = format!("{}/sim/faults", self.endpoint.control);
        let request = self.control().delete(url).bearer_auth(&self.endpoint.token);
        assert!(request.send().await.unwrap().status().is_success());
    }

    fn control(&self) -> reqwest::Client {
        let ca = std::fs::read(&self.endpoint.ca_file).unwrap();
        let ca = reqwest::Certificate::from_pem(&ca).unwrap();
        reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap()
    }

    /// Changes settings or limits.
    pub async fn set(&self, what: &str, change: Value) {
        let url = format!("{}/sim/{what}", self.endpoint.control);
        let request = self.control().post(url).bearer_auth(&self.endpoint.token).json(&change);
        assert!(request.send().await.unwrap().status().is_success());
    }

    /// A client of a cluster's API server.
    pub fn kube(&self, cluster: &Value) -> Kube {
        let ca = cluster["masterAuth"]["clusterCaCertificate"].as_str().unwrap();
        let ca = reqwest::Certificate::from_pem(&STANDARD.decode(ca).unwrap()).unwrap();
        let http = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap();
        let base = format!("https://{}", cluster["endpoint"].as_str().unwrap());
        Kube { http, base, token: self.endpoint.gcp.token.clone() }
    }
}

/// A client of an API server.
pub struct Kube {
    pub http: reqwest::Client,
    pub base: String,
    pub token: String,
}

impl Kube {
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let url = format!("{}{path}", self.base);
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, value) = self.call(Method::GET, path, None).await;
        assert!(status.is_success(), "{path}: {status}: {value}");
        value
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, value) = self.call(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {status}: {value}");
        value
    }

    /// The names of the Nodes that are Ready, sorted.
    pub async fn ready_nodes(&self) -> Vec<String> {
        let nodes = self.get("/api/v1/nodes").await;
        let is_ready = |node: &&Value| {
            let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
        };
        let nodes = nodes["items"].as_array().unwrap().iter().filter(is_ready);
        let mut names: Vec<String> =
            nodes.map(|node| node["metadata"]["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }
}

/// A cluster with one pool, as it is asked for.
pub fn spec(name: &str, count: u32) -> Value {
    json!({
        "name": name, "initialClusterVersion": "1.34.5",
        "resourceLabels": {"infra-owner": "me", "infra-intent": "0123"},
        "nodePools": [{
            "name": "worker", "initialNodeCount": count,
            "config": {
                "machineType": "e2-standard-2", "diskSizeGb": 50, "labels": {"role": "web"},
                "resourceLabels": {"infra-owner": "me"},
            },
        }],
    })
}
