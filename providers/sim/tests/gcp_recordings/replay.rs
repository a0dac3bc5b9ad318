//! Replays recorded requests at an embedded cloud, one after the other.

use std::path::Path;
use std::time::{Duration, Instant};

use infra_sim::{Endpoint, ServeOptions, SimError};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::compare::{Difference, compare, kind};
use super::recordings::Recorded;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The APIs that the embedded cloud has, with what their paths begin with there.
const APIS: [(&str, &str, &str); 6] = [
    ("compute.googleapis.com", "/compute/v1/", "/compute/v1/"),
    ("container.googleapis.com", "/v1beta1/", "/v1/"),
    ("dns.googleapis.com", "/dns/v1/", "/dns/v1/"),
    ("dns.googleapis.com", "/dns/v1beta2/", "/dns/v1/"),
    ("iam.googleapis.com", "/v1/", "/v1/"),
    ("cloudresourcemanager.googleapis.com", "/v1/", "/v1/"),
];

/// Calls that infra does not make, and the embedded cloud does not take.
const NOT_MADE: [&str; 9] = [
    "POST addresses",
    "POST addresses/*/setLabels",
    "GET addresses/*",
    "DELETE addresses/*",
    "PATCH networks/*",
    "POST subnetworks/*/setPrivateIpGoogleAccess",
    "POST clusters/*:setMaintenancePolicy",
    "PUT managedZones/*",
    "POST managedZones/*/rrsets",
];

/// Regions and zones that the embedded cloud has not, and others in their place. The recorder made up
/// some of the zones.
const PLACES: [(&str, &str); 4] = [
    ("northamerica-south1", "us-east4"),
    ("northamerica-northeast2", "us-east4"),
    ("us-east1-a", "us-east1-b"),
    ("us-central1-d", "us-central1-c"),
];

/// Puts values where a recording has names of values: those of the embedded cloud's project come later.
pub fn filled(text: &str) -> String {
    let mut filled = text.to_owned();
    for (from, to) in PLACES {
        filled = filled.replace(from, to);
    }
    for (name, value) in [
        ("uniqueId", "a1b2c3"),
        ("networkID", "network-1"),
        ("subnetworkID", "subnetwork-1"),
        ("routerID", "router-1"),
        ("firewallID", "firewall-1"),
        ("addressID", "address-1"),
        ("managedZoneId", "zone-1"),
    ] {
        filled = filled.replace(&format!("${{{name}}}"), value);
    }
    filled
}

/// An embedded cloud, and what it has said so far.
pub struct Replay {
    endpoint: Endpoint,
    http: reqwest::Client,
    stop: CancellationToken,
    task: JoinHandle<Result<(), SimError>>,
    /// The last operation and the last change of DNS, and all groups of instances.
    operation: String,
    change: String,
    groups: Vec<String>,
    /// The fingerprint of the labels that were read last.
    labels: Value,
}

impl Replay {
    /// Starts one over a data folder, with the networks that were there before the recording.
    pub async fn start(data: &Path, calls: &[Recorded]) -> Self {
        let stop = CancellationToken::new();
        let exe = env!("CARGO_BIN_EXE_infra-sim-stand-in").into();
        let options = ServeOptions { data: data.to_owned(), seed: 7, speed: 50.0, exe };
        let task = tokio::spawn(infra_sim::serve(options, stop.clone()));
        let begun = Instant::now();
        let endpoint = loop {
            if let Some(endpoint) = Endpoint::load(data).unwrap() {
                break endpoint;
            }
            if task.is_finished() {
                panic!("the embedded cloud ended: {:?}", task.await);
            }
            assert!(begun.elapsed() < PATIENCE, "the embedded cloud did not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let replay = Self {
            endpoint,
            http,
            stop,
            task,
            operation: String::new(),
            change: String::new(),
            groups: Vec::new(),
            labels: Value::Null,
        };
        let first = calls.iter().find(|call| kind(&call.method, &call.path) == "GET networks/*");
        if let Some(call) = first.filter(|call| call.status == 200) {
            let path = call.path.split('?').next().unwrap_or_default();
            replay.make_network(path.rsplit('/').next().unwrap_or_default()).await;
        }
        let wants_default = |call: &Recorded| {
            call.body
                .as_ref()
                .is_some_and(|body| body.to_string().contains("global/networks/default"))
        };
        if let Some(call) = calls.iter().find(|call| wants_default(call)) {
            replay.make_default_network(&call.path).await;
        }
        replay
    }

    async fn make_network(&self, name: &str) {
        let path = format!("/compute/v1/projects/{}/global/networks", self.endpoint.gcp.project);
        self.make(&path, json!({"name": name, "autoCreateSubnetworks": false})).await;
    }

    /// Makes the network that every project of Google's begins with.
    async fn make_default_network(&self, path: &str) {
        let place = path.split("/locations/").nth(1).unwrap().split('/').next().unwrap();
        let region = place.split('-').take(2).collect::<Vec<_>>().join("-");
        self.make_network("default").await;
        let project = &self.endpoint.gcp.project;
        let subnet = json!({
            "name": "default", "ipCidrRange": "10.128.0.0/20",
            "network": format!("projects/{project}/global/networks/default"),
        });
        let path = format!("/compute/v1/projects/{project}/regions/{region}/subnetworks");
        self.make(&path, subnet).await;
    }

    async fn make(&self, path: &str, body: Value) {
        let (status, made) = self.send("POST", path, Some(&body)).await;
        assert_eq!(status, 200, "{made}");
        self.settle(&made).await;
    }

    /// Ends it.
    pub async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// Makes a call, and waits until what it began is over. `None` for one that infra never makes.
    pub async fn call(&mut self, call: &Recorded) -> Option<Vec<Difference>> {
        let is_api = |(host, base, _): &&(&str, &str, &str)| {
            call.host == *host && call.path.starts_with(base)
        };
        let (_, base, here) = APIS.iter().find(is_api)?;
        let path = call.path.replacen(base, here, 1);
        let kind = kind(&call.method, &path);
        if NOT_MADE.contains(&kind.as_str()) || kind.contains("rrsets/") {
            return None;
        }
        let path = self.living(&kind, path);
        let body = call.body.as_ref().map(|body| self.adapted(body));
        let (status, answer) =
            self.patiently(call.status, &call.method, &path, body.as_ref()).await;
        self.settle(&answer).await;
        self.remember(&answer);
        let recorded = call.answer.clone().unwrap_or_default();
        Some(compare(&kind, (call.status, &recorded), (status, &answer)))
    }

    /// Puts what is called otherwise here into a path: the project, operations, changes, groups.
    fn living(&self, kind: &str, path: String) -> String {
        let project = &self.endpoint.gcp.project;
        let mut path = path.replace("${projectId}", project);
        path = path.replace("${projectNumber}", &self.endpoint.gcp.number.to_string());
        path = path.replace("${operationID}", &self.operation);
        path = path.replace("${changeId}", &self.change);
        if kind.starts_with("GET instanceGroupManagers/*") {
            let is_default = path.contains("default-pool");
            let group =
                self.groups.iter().rev().find(|one| one.contains("default-pool") == is_default);
            if let Some(group) = group {
                path = group.clone();
            }
        }
        path
    }

    /// Puts what is otherwise here into a body. Networks that make subnets by themselves are not part of
    /// the embedded cloud.
    fn adapted(&self, body: &Value) -> Value {
        let text = body.to_string().replace("${projectId}", &self.endpoint.gcp.project);
        let number = self.endpoint.gcp.number.to_string();
        let mut body: Value =
            serde_json::from_str(&text.replace("${projectNumber}", &number)).unwrap();
        if body.get("labelFingerprint").is_some() {
            body["labelFingerprint"] = self.labels.clone();
        }
        if body.get("autoCreateSubnetworks").is_some() {
            body["autoCreateSubnetworks"] = false.into();
        }
        body
    }

    /// Makes a call again while the cloud is at work on its own at the same cluster: the recorder did.
    async fn patiently(
        &self,
        recorded: u16,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let begun = Instant::now();
        loop {
            let (status, answer) = self.send(method, path, body).await;
            let is_busy = recorded == 200 && answer["error"]["status"] == "FAILED_PRECONDITION";
            if !is_busy || begun.elapsed() > PATIENCE {
                return (status, answer);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}{path}", self.endpoint.gcp.url());
        let mut request = self.http.request(method, url).bearer_auth(&self.endpoint.gcp.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    /// Waits until an operation, or a change of DNS, is done.
    async fn settle(&self, answer: &Value) {
        let name = answer["name"].as_str().unwrap_or_default();
        let link = answer["selfLink"].as_str().unwrap_or_default();
        let below = link.split_once(".com").map(|(_, path)| path.to_owned());
        let path = match answer["kind"].as_str() {
            Some("compute#operation") => below,
            None if answer["operationType"].is_string() => {
                let zone = answer["zone"].as_str().unwrap_or_default();
                let project = &self.endpoint.gcp.project;
                Some(format!("/v1/projects/{project}/locations/{zone}/operations/{name}"))
            }
            _ => None,
        };
        let Some(path) = path else { return };
        let begun = Instant::now();
        loop {
            let (status, now) = self.send("GET", &path, None).await;
            assert_eq!(status, 200, "{path}: {now}");
            if now["status"] == "DONE" {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{now}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn remember(&mut self, answer: &Value) {
        if answer["operationType"].is_string() {
            answer["name"].as_str().unwrap().clone_into(&mut self.operation);
        }
        if answer["kind"] == "dns#change" {
            answer["id"].as_str().unwrap().clone_into(&mut self.change);
        }
        if let Some(labels) = answer.get("labelFingerprint") {
            self.labels = labels.clone();
        }
        let pools = answer["nodePools"].as_array().into_iter().flatten().chain([answer]);
        for url in pools.flat_map(|pool| pool["instanceGroupUrls"].as_array()).flatten() {
            let path = url.as_str().unwrap().split_once(".com").unwrap().1.to_owned();
            if !self.groups.contains(&path) {
                self.groups.push(path);
            }
        }
    }
}
