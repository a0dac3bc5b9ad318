//! An embedded cloud in its own process: started, killed, started again, stopped.

use std::path::{Path, PathBuf};

use infra_sim::control::{self, Control};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

/// Serves as the command line does.
fn exe() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_infra-sim"))
}

fn client(endpoint: &infra_sim::Endpoint) -> reqwest::Client {
    let ca = reqwest::Certificate::from_pem(&std::fs::read(&endpoint.ca_file).unwrap()).unwrap();
    reqwest::Client::builder().tls_certs_only([ca]).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_started_again() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("sim");
    let first = control::start(&data, &exe(), Some(3), Some(50.0)).await.unwrap();
    let same = control::start(&data, &exe(), None, None).await.unwrap();
    assert_eq!(first.pid, same.pid, "one that answers is not started twice");

    let url = format!("{}/v2/tags", first.digitalocean);
    for i in 0..20 {
        let body = json!({ "name": format!("t-{i}") });
        let made = client(&first).post(&url).bearer_auth(&first.token).json(&body);
        assert_eq!(made.send().await.unwrap().status(), 201);
    }
    kill(Pid::from_raw(i32::try_from(first.pid).unwrap()), Signal::SIGKILL).unwrap();
    let second = control::start(&data, &exe(), None, None).await.unwrap();
    assert_ne!(first.pid, second.pid);
    assert_eq!(first.digitalocean, second.digitalocean);
    let control = Control::open(&data).unwrap().unwrap();
    let status = control.status().await.unwrap();
    assert_eq!(status.counts["tags"], 20);
    assert_eq!(status.seed, 3);

    assert!(control::stop(&data).await.unwrap());
    assert!(!control::stop(&data).await.unwrap());
    assert!(!data.join("endpoint.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_stops_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("sim");
    let endpoint = control::start(&data, &exe(), Some(4), None).await.unwrap();
    kill(Pid::from_raw(i32::try_from(endpoint.pid).unwrap()), Signal::SIGTERM).unwrap();
    let begun = std::time::Instant::now();
    while data.join("endpoint.json").exists() {
        assert!(begun.elapsed().as_secs() < 20);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn one_that_cannot_start_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let error = control::start(dir.path(), Path::new("/bin/false"), None, None).await.unwrap_err();
    assert!(error.to_string().contains("ended at once"), "{error}");
    let error = control::start(dir.path(), Path::new("/no/such"), None, None).await.unwrap_err();
    assert!(error.to_string().contains("/no/such"), "{error}");
}
