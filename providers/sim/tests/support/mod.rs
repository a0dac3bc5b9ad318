//! An embedded cloud in this process, and what a test does to it.

pub mod node;
pub mod pki;
pub mod s3;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use infra_sim::{Endpoint, ServeOptions, SimError};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long anything may take. Generous: hosts of tests are slow at times.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running embedded cloud.
pub struct Cloud {
    pub endpoint: Endpoint,
    pub client: reqwest::Client,
    data: PathBuf,
    stop: CancellationToken,
    task: JoinHandle<Result<(), SimError>>,
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

impl Cloud {
    /// Starts one over a data folder.
    pub async fn start(data: &Path) -> Self {
        let stop = CancellationToken::new();
        let options = ServeOptions {
            data: data.to_owned(),
            seed: 7,
            speed: 20.0,
            exe: env!("CARGO_BIN_EXE_infra-sim-stand-in").into(),
        };
        let task = tokio::spawn(infra_sim::serve(options, stop.clone()));
        let endpoint = watch("the embedded cloud is ready", || async {
            assert!(!task.is_finished(), "the embedded cloud ended");
            Endpoint::load(data).unwrap()
        })
        .await;
        let ca =
            reqwest::Certificate::from_pem(&std::fs::read(&endpoint.ca_file).unwrap()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap();
        Self { endpoint, client, data: data.to_owned(), stop, task }
    }

    /// Ends it as a killed process would: nothing is said to its parts but that the world ends.
    pub async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// A call of the vendor's API that has to succeed.
    pub async fn call(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.endpoint.digitalocean))
            .bearer_auth(&self.endpoint.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// A droplet with user-data; answers its id.
    pub async fn droplet(&self, name: &str, tag: &str, user_data: &str) -> u64 {
        let body = json!({
            "name": name, "region": "fra1", "size": "s-2vcpu-4gb", "image": "ubuntu-24-04-x64",
            "tags": [tag], "user_data": user_data,
        });
        let made = self.call(reqwest::Method::POST, "/v2/droplets", Some(body)).await;
        made["droplet"]["id"].as_u64().unwrap()
    }

    /// A TCP load balancer before droplets with `tag`, on one port; answers its address.
    pub async fn load_balancer(&self, tag: &str, port: u16, target: u16) -> String {
        let rule = json!({"entry_protocol": "tcp", "entry_port": port, "target_protocol": "tcp", "target_port": target});
        let body = json!({
            "name": format!("lb-{port}"), "region": "fra1", "tag": tag, "forwarding_rules": [rule],
            "health_check": {"protocol": "tcp", "port": target, "check_interval_seconds": 3,
                "response_timeout_seconds": 3, "healthy_threshold": 2, "unhealthy_threshold": 2},
        });
        let made = self.call(reqwest::Method::POST, "/v2/load_balancers", Some(body)).await;
        let id = made["load_balancer"]["id"].as_str().unwrap().to_owned();
        watch("the load balancer has an address", || async {
            let path = format!("/v2/load_balancers/{id}");
            let got = self.call(reqwest::Method::GET, &path, None).await;
            let ip = got["load_balancer"]["ip"].as_str().unwrap_or_default().to_owned();
            (!ip.is_empty() && got["load_balancer"]["status"] == "active").then_some(ip)
        })
        .await
    }

    /// The folder of a machine.
    pub fn machine(&self, id: u64) -> PathBuf {
        self.data.join("machines").join(id.to_string())
    }

    /// What a machine printed.
    pub fn console(&self, id: u64) -> String {
        std::fs::read_to_string(self.machine(id).join("console.log")).unwrap_or_default()
    }

    /// Waits until a machine's user-data ended; answers its record.
    pub async fn booted(&self, id: u64) -> Value {
        watch(&format!("machine {id} has booted"), || async {
            let text = std::fs::read(self.machine(id).join("machine.json")).ok()?;
            let record: Value = serde_json::from_slice(&text).ok()?;
            (record["boot"] != "running").then_some(record)
        })
        .await
    }

    /// Waits until a machine's user-data ended well.
    pub async fn booted_well(&self, id: u64) {
        let record = self.booted(id).await;
        assert_eq!(record["boot"], "done", "{}", self.console(id));
    }
}
