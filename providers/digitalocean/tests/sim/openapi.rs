//! The whole life once more, through a validator built from the vendor's own document.
//!
//! `INFRA_OPENAPI` is the document, `INFRA_PRISM` the program (`npm i @stoplight/prism-cli` gives
//! `node_modules/.bin/prism`). Without either the test says loudly that it proves nothing.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use infra_digitalocean::{DigitalOcean, Scope};

use crate::{cloud::Cloud, cluster::cluster, lifecycle::life};

/// A running validator; stopped when dropped.
struct Validator {
    url: String,
    child: Child,
}

impl Drop for Validator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn setting(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn start(cloud: &Cloud, document: &PathBuf, prism: &PathBuf) -> Validator {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new(prism)
        .args(["proxy", "--errors", "--host", "127.0.0.1", "--port", &port.to_string()])
        .arg(document)
        .arg(&cloud.endpoint.digitalocean)
        .env("NODE_EXTRA_CA_CERTS", &cloud.endpoint.ca_file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the validator starts");
    Validator { url: format!("http://127.0.0.1:{port}"), child }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_valid_by_the_vendor_s_document() {
    let (Some(document), Some(prism)) = (setting("INFRA_OPENAPI"), setting("INFRA_PRISM")) else {
        eprintln!(
            "\n*** SKIPPED: requests are NOT checked against the vendor's document: \
             set INFRA_OPENAPI (the document) and INFRA_PRISM (the prism program) ***\n"
        );
        return;
    };
    let cloud = Cloud::start().await;
    let validator = start(&cloud, &document, &prism);
    let up = async {
        let address = validator.url.trim_start_matches("http://").to_owned();
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), up).await.expect("the validator answers");

    // It does refuse: a droplet without an image is none.
    let refused = reqwest::Client::new()
        .post(format!("{}/v2/droplets", validator.url))
        .bearer_auth(&cloud.endpoint.token)
        .json(&serde_json::json!({"name": "a", "size": "s-1vcpu-1gb"}))
        .send()
        .await
        .unwrap();
    let text = refused.text().await.unwrap();
    assert!(text.contains("violations") || text.contains("validation"), "{text}");

    let connection = cloud.connection(Some(&validator.url));
    let provider = DigitalOcean::new(connection, Scope::of(&cluster())).unwrap();
    life(&cloud, &provider).await;
    cloud.stop().await;
}
