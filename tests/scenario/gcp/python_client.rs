//! Google's own client for Python, made from its discovery documents: an independent reader and writer.

use std::process::Command;

use serde_json::{Value, json};

use super::lab::{GcpLab, Google, REGION};
use crate::lab::{Ran, skipped};

const SCRIPT: &str = include_str!("python_client.py");

/// Runs steps of the script; `None`, and a loud word, where the client is not there.
fn steps(lab: &GcpLab, names: &[&str]) -> Option<Value> {
    let ask =
        "import googleapiclient.discovery_cache, google.oauth2.credentials, google_auth_httplib2";
    let there = Command::new("python3").args(["-c", ask]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        skipped("no google-api-python-client: Google Cloud's calls are not checked with it");
        return None;
    }
    let Google { url, token, project } = lab.google();
    let mut python = lab.clean("python3");
    python.args(["-c", SCRIPT]).args(names);
    python.env("INFRA_TEST_URL", url).env("INFRA_TEST_TOKEN", token);
    python.env("INFRA_TEST_PROJECT", project).env("INFRA_TEST_LOCATION", REGION);
    let ran = Ran::of(&mut python).ok();
    Some(serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran}")))
}

fn refusal(status: u16, code: Option<&str>, reason: &str) -> Value {
    json!({"http": status, "code": status, "status": code, "reasons": [reason]})
}

#[test]
fn the_client_reads_what_infra_made() {
    let lab = GcpLab::new();
    lab.run(&["apply", "--yes"]).ok();
    let Some(said) = steps(&lab, &["clusters", "networks", "instances", "project"]) else { return };
    let cluster = &said["clusters"]["lab"];
    assert_eq!(cluster["status"], "RUNNING", "{said}");
    assert_eq!(cluster["pools"], json!(["worker"]));
    assert_eq!(cluster["labels"]["infra-tag-team"], "shop", "{said}");
    assert_eq!(said["networks"].as_array().unwrap().len(), 1, "{said}");
    let [instance] = said["instances"].as_array().unwrap().as_slice() else { panic!("{said}") };
    assert!(instance.as_str().unwrap().starts_with("gke-lab-worker-"), "{said}");
    assert_eq!(said["project"]["state"], "ACTIVE");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    let said = steps(&lab, &["clusters", "networks", "instances"]).unwrap();
    assert_eq!(said, json!({"clusters": {}, "networks": [], "instances": []}));
    lab.assert_answers_fit();
}

#[test]
fn what_the_client_makes_comes_goes_and_is_refused_as_the_vendor_says() {
    let lab = GcpLab::new();
    lab.lab.run_bare(&["sim", "start", "--speed", "10"]).ok();
    let all = ["network_life", "dns_change", "cluster_life", "account_life"];
    let Some(said) = steps(&lab, &all) else { return };

    let network = &said["network_life"];
    assert_eq!(network["kinds"], json!(["insert", "insert", "delete", "delete"]), "{network}");
    assert_eq!(network["twice"], refusal(409, None, "alreadyExists"));
    assert_eq!(
        network["used"].as_str().unwrap().to_lowercase().replace('_', ""),
        "resourceinusebyanotherresource"
    );
    assert_eq!(network["absent"], refusal(404, None, "notFound"));

    let dns = &said["dns_change"];
    assert_eq!(dns["name_servers"], 4);
    let own = ["NS python.example.", "SOA python.example."];
    let both = ["A www.python.example.", own[0], own[1], "TXT _mark.www.python.example."];
    assert_eq!(dns["with_both"], json!(both), "{dns}");
    assert_eq!(dns["half"], refusal(409, Some("ALREADY_EXISTS"), "alreadyExists"));
    assert_eq!(dns["after_half"], dns["with_both"]);
    assert_eq!(dns["not_empty"]["reasons"], json!(["containerNotEmpty"]), "{dns}");
    assert_eq!(dns["without"], json!(own), "{dns}");
    assert_eq!(dns["absent"], refusal(404, Some("NOT_FOUND"), "notFound"));

    let cluster = &said["cluster_life"];
    let kinds = [
        "CREATE_CLUSTER",
        "CREATE_NODE_POOL",
        "SET_NODE_POOL_SIZE",
        "DELETE_NODE_POOL",
        "DELETE_CLUSTER",
    ];
    assert_eq!(cluster["kinds"], json!(kinds), "{cluster}");
    assert_eq!(cluster["status"], "RUNNING");
    assert_eq!(cluster["labels"]["team"], "shop");
    assert_eq!(cluster["has_ca"], true);
    assert_eq!(cluster["pools"], json!(["first", "second"]));
    assert_eq!(cluster["twice"], refusal(409, Some("ALREADY_EXISTS"), "alreadyExists"));
    assert_eq!(cluster["busy"], refusal(400, Some("FAILED_PRECONDITION"), "failedPrecondition"));
    assert_eq!(cluster["absent"], refusal(404, Some("NOT_FOUND"), "notFound"));

    let account = &said["account_life"];
    assert_eq!(account["stale"]["http"], 409, "{account}");
    assert_eq!(account["has_role"], true);
    lab.lab.inventory().assert_empty();
    lab.assert_answers_fit();
}
