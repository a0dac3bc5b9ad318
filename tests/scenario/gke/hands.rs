//! What a person does in Google's console, or GKE by itself.

use std::process::Command;

use serde_json::{Value, json};

use crate::lab::Lab;

/// A call to the embedded Google Cloud past the program; the path begins after the project.
#[track_caller]
pub(super) fn google(lab: &Lab, method: &str, path: &str, body: Option<&Value>) -> Value {
    let endpoint = lab.endpoint();
    let gcp = &endpoint["gcp"];
    let text = |name: &str| gcp[name].as_str().unwrap().to_owned();
    let (port, project, token) = (&gcp["port"], text("project"), text("token"));
    let url = format!("http://127.0.0.1:{port}/v1/projects/{project}/{path}");
    let mut curl = Command::new("curl");
    curl.args(["-s", "-X", method, "-H", &format!("Authorization: Bearer {token}")]);
    if let Some(body) = body {
        curl.args(["-H", "Content-Type: application/json", "-d", &body.to_string()]);
    }
    let answer = String::from_utf8(curl.arg(&url).output().unwrap().stdout).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{url}: {answer}"));
    assert!(answer.get("error").is_none(), "{method} {path}: {answer}");
    answer
}

/// The path of the cluster.
pub(super) const CLUSTER: &str = "locations/europe-west3/clusters/lab";

/// Waits until GKE has nothing under way.
pub(super) fn until_idle(lab: &Lab) {
    let is_busy = || {
        let all = google(lab, "GET", "locations/europe-west3/operations", None);
        let mut all = all["operations"].as_array().into_iter().flatten();
        all.any(|one| one["status"] != "DONE")
    };
    while is_busy() {
        std::thread::yield_now();
    }
}

/// Changes how the embedded cloud behaves (`settings`) or what it allows (`limits`).
#[track_caller]
pub(super) fn set(lab: &Lab, table: &str, key: &str, value: Value) {
    let endpoint = lab.endpoint();
    let text = |name: &str| endpoint[name].as_str().unwrap().to_owned();
    let url = format!("{}/sim/{table}", text("control"));
    let curl = |words: &[&str]| {
        let ca = text("ca_file");
        let bearer = format!("Authorization: Bearer {}", text("token"));
        let out = Command::new("curl")
            .current_dir(lab.path())
            .args(["-s", "-f", "--cacert", &ca, "-H", &bearer])
            .args(words)
            .arg(&url)
            .output()
            .unwrap();
        assert!(out.status.success(), "{out:?}");
        String::from_utf8(out.stdout).unwrap()
    };
    let mut now: Value = serde_json::from_str(&curl(&[])).unwrap();
    now[key] = value;
    curl(&["-X", "POST", "-H", "Content-Type: application/json", "-d", &now.to_string()]);
}

/// A pool as somebody makes it by hand.
pub(super) fn pool_by_hand(lab: &Lab, name: &str) {
    let pool = json!({"nodePool": {
        "name": name, "initialNodeCount": 1, "config": {"machineType": "e2-medium"},
        "locations": ["europe-west3-a", "europe-west3-b"],
    }});
    google(lab, "POST", &format!("{CLUSTER}/nodePools"), Some(&pool));
    until_idle(lab);
}
