//! The state of a cluster on GKE in a bucket, used from two machines.

use super::toml;
use crate::lab::Lab;

/// The kubeconfig names a program of the machine: each has its own, and none comes from the bucket.
#[test]
fn a_second_machine_goes_on_with_the_state_in_a_bucket() {
    let more = "\n[state]\nbackend = \"s3://team-state/clusters\"\n";
    let lab = Lab::on("gcp", &toml("count = 2", more));
    lab.start_cloud();
    lab.write("passphrase", "a passphrase of some words");
    let key = lab.file("passphrase");
    let run = |words: &[&str]| {
        crate::lab::Ran::of(lab.command(words).env("INFRA_STATE_PASSPHRASE_FILE", &key))
    };
    run(&["apply", "--yes"]).ok();
    assert!(lab.objects("team-state").keys().all(|name| !name.contains("kubeconfig")));
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
    std::fs::remove_dir_all(lab.file("ssl")).unwrap();
    run(&["plan", "--detailed-exitcode"]).ok();
    lab.write("infra.toml", &toml("count = 4", more));
    run(&["apply", "--yes"]).ok();
    run(&["plan", "--detailed-exitcode"]).ok();
    run(&["destroy", "--yes"]).ok();
    assert_eq!(lab.inventory().0["gcp"], serde_json::json!({}));
}
