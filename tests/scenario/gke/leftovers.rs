//! Destroying where GKE leaves what it made, and where nobody can ask the cluster any more.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{hands::set, with_apps};

/// Endpoint groups turn up only when the cluster goes. They keep the subnet, and nobody else removes them.
#[test]
fn what_gke_leaves_in_the_subnet_does_not_hold_a_destroy_up() {
    let lab = with_apps();
    lab.start_cloud();
    set(&lab, "settings", "gke_leaves", json!(true));
    lab.run(&["apply", "--yes"]).ok();
    let began = Instant::now();
    let gone = lab.run(&["destroy", "--yes"]).ok();
    assert!(began.elapsed() < Duration::from_secs(120), "{gone}");
    lab.inventory().assert_empty();
}

#[test]
fn a_destroy_killed_between_cluster_and_disks_finds_the_disks_again() {
    let lab = with_apps();
    lab.start_cloud();
    set(&lab, "settings", "gke_leaves", json!(true));
    lab.run(&["apply", "--yes"]).ok();
    let mut run = lab.start(&["destroy", "--yes"]);
    assert!(run.until_says("gke_cluster.main: deleted"), "{}", run.wait());
    run.kill();
    assert!(lab.inventory().0["gcp"].to_string().contains("pvc-"), "the disk is left");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_destroy_works_where_the_api_server_does_not_answer() {
    let lab = with_apps();
    lab.run(&["apply", "--yes"]).ok();
    let kubeconfig = lab.read("ssl/lab/kubeconfig");
    let server = kubeconfig.lines().find(|line| line.contains("server:")).unwrap().to_owned();
    lab.write(
        "ssl/lab/kubeconfig",
        &kubeconfig.replace(&server, "    server: https://127.0.0.1:1"),
    );
    let gone = lab.run(&["destroy", "--yes"]).ok();
    gone.says("the cluster's volumes can't be seen, so disks that carry no mark of it will stay");
    lab.inventory().assert_empty();
}
