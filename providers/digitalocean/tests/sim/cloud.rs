//! An embedded cloud in this process.

use std::{path::PathBuf, time::Duration};

use infra_digitalocean::{Connection, DigitalOcean, Scope};
use infra_provider_api::{Cluster, Context, Owner};
use infra_sim::{Endpoint, ServeOptions};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How many times faster than the real one.
pub const SPEED: f64 = 50.0;

/// A running cloud; stopped when dropped.
pub struct Cloud {
    pub endpoint: Endpoint,
    pub ca_pem: String,
    stop: CancellationToken,
    server: JoinHandle<()>,
    folder: TempDir,
}

impl Cloud {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = ServeOptions {
            data: folder.path().to_owned(),
            seed: 7,
            speed: SPEED,
            exe: PathBuf::from("/bin/false"),
        };
        let stop = CancellationToken::new();
        let shutdown = stop.clone();
        let server =
            tokio::spawn(async move { infra_sim::serve(options, shutdown).await.unwrap() });
        let file = Endpoint::path(folder.path());
        let endpoint: Endpoint = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                assert!(!server.is_finished(), "the cloud did not start");
                if let Ok(text) = std::fs::read(&file) {
                    return serde_json::from_slice(&text).unwrap();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap();
        let ca_pem = std::fs::read_to_string(&endpoint.ca_file).unwrap();
        Self { endpoint, ca_pem, stop, server, folder }
    }

    /// As the command line connects, with another address of the API if one is given.
    pub fn connection(&self, api_url: Option<&str>) -> Connection {
        let e = &self.endpoint;
        Connection::from_env(|name| {
            let value = match name {
                "DIGITALOCEAN_TOKEN" => &e.token,
                "DIGITALOCEAN_API_URL" => api_url.unwrap_or(&e.digitalocean),
                "SPACES_ENDPOINT_URL" => &e.s3,
                "SPACES_ACCESS_KEY_ID" => &e.spaces_access_key_id,
                "SPACES_SECRET_ACCESS_KEY" => &e.spaces_secret_access_key,
                _ => return None,
            };
            Some(value.to_owned())
        })
        .unwrap()
        .with_ca_pem(&self.ca_pem)
        .with_clock_speed(SPEED)
    }

    /// How often each API call was made.
    pub async fn calls(&self) -> std::collections::BTreeMap<String, u64> {
        serde_json::from_value(self.raw("GET", "/sim/stats", None).await).unwrap()
    }

    pub fn provider(&self, cluster: &Cluster) -> DigitalOcean {
        DigitalOcean::new(self.connection(None), Scope::of(cluster)).unwrap()
    }

    /// A request past the provider, as another user of the account would make it.
    pub async fn raw(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let ca = reqwest::Certificate::from_pem(self.ca_pem.as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}{path}", self.endpoint.digitalocean);
        let mut request = client.request(method, url).bearer_auth(&self.endpoint.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Lists what remains: kinds with at least one item, but for the vendor's default networks.
    pub async fn left(&self) -> Vec<String> {
        let inventory = self.raw("GET", "/sim/inventory", None).await;
        let mut left = Vec::new();
        for (kind, items) in inventory.as_object().unwrap() {
            for item in items.as_array().into_iter().flatten() {
                if item["default"] != Value::Bool(true) {
                    left.push(format!("{kind}: {item}"));
                }
            }
        }
        left
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.server.await.unwrap();
        drop(self.folder);
    }
}

pub fn owner(number: u128) -> Owner {
    Owner { cluster: "shop".to_owned(), uuid: Uuid::from_u128((0x1000_0000 + number) << 96) }
}

pub fn context(owner: &Owner) -> Context {
    Context::quiet(owner.clone())
}
