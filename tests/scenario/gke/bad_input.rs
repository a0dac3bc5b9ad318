//! What infra.toml asks for and GKE cannot have: one clear message each, with its place.

use super::{bare, toml};
use crate::lab::Lab;

/// Asserts that a plan is refused with `text`, at a line of infra.toml.
#[track_caller]
fn refused(file: &str, text: &str) {
    refused_on("gcp", file, text);
}

#[track_caller]
fn refused_on(provider: &'static str, file: &str, text: &str) {
    let lab = Lab::on(provider, file);
    let ran = lab.run(&["plan"]).expect(3);
    assert!(ran.stderr.contains(text), "no {text:?} in:\n{ran}");
    assert!(ran.stderr.contains("infra.toml:"), "no place in:\n{ran}");
}

#[test]
fn a_pool_s_size_is_a_number_or_bounds() {
    refused(&toml("count = 2\nmin = 1\nmax = 3", ""), "gives both `count` and `min`");
    refused(
        &toml("min = 4\nmax = 3", ""),
        "`min` (4) of the pool `worker` is more than its `max` (3)",
    );
    refused(&toml("min = 1", ""), "gives `min` without `max`");
    refused(&toml("", ""), "does not say how many nodes it has");
    refused(&toml("count = 3", ""), "3");
    let own = toml("count = 2\nspot = true", "").replace("gcp", "do");
    let own = own.replace("zones = [\"a\", \"b\"]", "image = \"ubuntu-24-04-x64\"");
    let own = own.replace("europe-west3", "fra1");
    refused_on("do", &own, "`spot` of the pool `worker`");
}

#[test]
fn what_google_does_not_offer_is_refused_at_plan() {
    let file = toml("count = 2", "");
    refused(&file.replace("europe-west3", "europe-west33"), "europe-west33");
    refused(&file.replace("\"a\", \"b\"", "\"a\", \"x\""), "europe-west3-x");
    let typed = file.replace("vcpus = 2\nmemory = \"4GiB\"", "type = \"e2-standart-2\"");
    refused(&typed, "e2-standart-2");
    refused(&file.replace("1.36.2", "1.36.99"), "1.36.99");
    let named = file.replace(
        "name = \"lab\"",
        "name = \"a-name-that-is-far-too-long-for-a-cluster-of-google\"",
    );
    refused(&named, "name");
}

#[test]
fn a_wrong_project_is_refused() {
    let file = toml("count = 2", "").replace("region =", "account = \"another-project\"\nregion =");
    let lab = Lab::on("gcp", &file);
    lab.run(&["plan"]).expect(4).warns("another-project");
}

#[test]
fn a_pool_that_was_deleted_by_hand_comes_back() {
    let lab = bare();
    lab.run(&["apply", "--yes"]).ok();
    let endpoint = lab.endpoint();
    let (port, project) = (&endpoint["gcp"]["port"], endpoint["gcp"]["project"].as_str().unwrap());
    let url = format!(
        "http://127.0.0.1:{port}/v1/projects/{project}/locations/europe-west3/clusters/lab/nodePools/worker"
    );
    let bearer = format!("Authorization: Bearer {}", endpoint["gcp"]["token"].as_str().unwrap());
    let curl = |words: &[&str]| {
        let out =
            std::process::Command::new("curl").args(["-s", "-H", &bearer]).args(words).output();
        String::from_utf8(out.unwrap().stdout).unwrap()
    };
    let asked = curl(&["-X", "DELETE", &url]);
    assert!(asked.contains("DELETE_NODE_POOL"), "{asked}");
    // Where it goes while a run looks at it, that one says so, and the next one makes the pool again.
    let first = lab.run(&["apply", "--yes"]);
    if first.code != Some(0) {
        first.expect(8).warns(
            "node_pool.worker: wait for node_pool.worker: it was created, and is gone again",
        );
    }
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

/// Each with its line, before anything is touched, and with nothing deleted.
#[test]
fn what_never_changes_once_a_cluster_is_there_is_refused_at_plan() {
    let lab = bare();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let before = lab.inventory();
    let file = toml("count = 2", "");
    let with = |key: &str| file.replace("region =", &format!("{key}\nregion ="));
    for (changed, text) in [
        (file.replace("europe-west3", "europe-west4"), "can't move it to europe-west4"),
        (with("control_plane = \"zonal\""), "can't move it to europe-west3-a"),
        (with("private = true"), "the nodes of gke_cluster.main have public addresses"),
        (toml("count = 2", "\n[network]\npods = \"10.99.0.0/16\"\n"), "can't become 10.99.0.0/16"),
        (file.replace("\"a\", \"b\"", "\"a\""), "GKE would delete them at once, without a drain"),
        (file.replace("1.36.2", "1.36.1"), "can't go back from Kubernetes 1.36.2 to 1.36.1"),
        (file.replace("1.36.2", "1.36.99"), "GKE does not offer Kubernetes 1.36.99"),
    ] {
        lab.write("infra.toml", &changed);
        let refused = lab.run(&["apply", "--yes"]).expect(3);
        assert!(refused.stderr.contains(text), "no {text:?} in:\n{refused}");
        assert!(!refused.stderr.contains("protect"), "{refused}");
    }
    assert_eq!(lab.inventory().ids(), before.ids());
    lab.write("infra.toml", &file);
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_pool_that_grows_beyond_the_quota_is_refused_at_plan() {
    let lab = bare();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    super::hands::set(&lab, "limits", "gcp_cpus", serde_json::json!(6));
    lab.write("infra.toml", &toml("count = 6", ""));
    let refused = lab.run(&["plan"]).expect(3);
    refused.warns("8 of the quota CPUS, which is 6, and 4 are in use").warns("infra.toml:");
    lab.write("infra.toml", &toml("count = 2", ""));
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn an_api_that_is_switched_off_is_named_with_the_command_that_enables_it() {
    let lab = bare();
    lab.start_cloud();
    lab.fault(&["service_disabled", "--api", "gcp", "--path", "*/clusters"]);
    lab.run(&["plan"]).expect(4).warns("run `gcloud services enable container.googleapis.com`");
    lab.run_bare(&["sim", "fault", "clear"]).ok();
    lab.fault(&["service_disabled", "--api", "gcp", "--path", "/compute/*"]);
    let refused = lab.run(&["apply", "--yes"]).expect(4);
    refused.warns("gcloud services enable compute.googleapis.com container.googleapis.com");
    lab.run_bare(&["sim", "fault", "clear"]).ok();
    lab.inventory().assert_empty();
}
