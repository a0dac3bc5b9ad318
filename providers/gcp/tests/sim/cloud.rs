//! An embedded cloud in this process.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use infra_cloud::CloudEnv;
use infra_gcp::{Connection, Gcp, Scope};
use infra_provider_api::{Cluster, Context, Owner};
use infra_sim::{Endpoint, ServeOptions};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How many times faster than the real one.
pub const SPEED: f64 = 100.0;

/// A running cloud; stopped when dropped.
pub struct Cloud {
    pub endpoint: Endpoint,
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
        Self { endpoint, stop, server, folder }
    }

    pub async fn provider(&self, cluster: &Cluster) -> Gcp {
        let variables: BTreeMap<String, String> =
            self.endpoint.variables().map(|(name, value)| (name.to_owned(), value)).collect();
        let env =
            CloudEnv { variables, only: true, clock_speed: Some(SPEED), ..CloudEnv::default() };
        let connection = Connection::open(&env, None).await.unwrap();
        Gcp::new(connection, Scope::of(cluster)).unwrap()
    }

    /// A request past the provider, to the control API.
    pub async fn raw(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let pem = std::fs::read(&self.endpoint.ca_file).unwrap();
        let ca = reqwest::Certificate::from_pem(&pem).unwrap();
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

    pub async fn stop(self) {
        self.stop.cancel();
        self.server.await.unwrap();
        drop(self.folder);
    }
}

pub fn owner() -> Owner {
    Owner { cluster: "shop".to_owned(), uuid: Uuid::from_u128(0x1234_5678 << 96) }
}

pub fn context(owner: &Owner) -> Context {
    Context::quiet(owner.clone())
}
