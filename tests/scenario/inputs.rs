//! A read or a delete needs none of the inputs of a write: neither manifests nor downloads.

use super::{aws, lab::Config};

const READS: [&[&str]; 5] = [
    &["status"],
    &["orphans"],
    &["graph"],
    &["plan", "--destroy"],
    &["plan", "--phase", "infra", "--detailed-exitcode"],
];

#[test]
fn a_broken_manifest_stops_only_what_sends_it() {
    let toml = Config { control_planes: 1, workers: 1 }.toml() + "\n[apps]\nbase = \"apps\"\n";
    let lab = super::lab::Lab::with(&toml);
    std::fs::create_dir(lab.file("apps")).unwrap();
    lab.write("apps/all.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    lab.write("apps/broken.yaml", "bad: [yaml\n");
    for words in READS {
        let ran = lab.run(words).ok();
        assert!(ran.stderr.contains("warning: cannot check suite.apps"), "{ran}");
    }
    lab.run(&["plan"]).expect(3).warns("broken.yaml");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_broken_manifest_does_not_stop_what_leaves_the_apps_alone() {
    let toml = Config { control_planes: 1, workers: 1 }.toml() + "\n[apps]\nbase = \"apps\"\n";
    let lab = super::lab::Lab::with(&toml);
    std::fs::create_dir(lab.file("apps")).unwrap();
    lab.write("apps/all.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    lab.run(&["apply", "--yes"]).ok();
    lab.write("apps/broken.yaml", "bad: [yaml\n");
    for words in [
        &["plan", "--target", "droplet.worker-1", "--detailed-exitcode"][..],
        &["plan", "--refresh-only", "--detailed-exitcode"],
        &["plan", "--phase", "bootstrap", "--detailed-exitcode"],
        &["rotate-node", "worker-1", "--yes"],
    ] {
        let ran = lab.run(words).ok();
        assert!(ran.stderr.contains("warning: cannot check suite.apps"), "{ran}");
        assert!(!ran.stdout.contains("suite.apps"), "{ran}");
    }
    // The namespace is still there: a manifest that cannot be read is not one that was deleted.
    if let Some(kubectl) = super::lab::Kubectl::of(&lab, "lab") {
        kubectl.run(&["get", "namespace", "shop"]).ok();
    }
    for words in [&["plan"][..], &["plan", "--target", "suite.apps"]] {
        lab.run(words).expect(3).warns("broken.yaml");
    }
}

#[test]
fn without_the_downloads_only_what_makes_machines_is_refused() {
    let config = aws::lab::Config::default();
    let Some(lab) = aws::lab::AwsLab::of(&config) else { return };
    let empty = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok();
    // A colleague's machine: neither the cache nor the list.
    std::fs::remove_dir_all(lab.lab.file(".infra/artifacts")).unwrap();
    for lock in ["artifacts.lock", ".infra/artifacts.lock"] {
        let _ = std::fs::remove_file(lab.lab.file(lock));
    }
    for words in READS {
        lab.run(words).ok();
    }
    let changed = lab.lab.read("infra.toml").replacen("count = 2", "count = 3", 1);
    lab.lab.write("infra.toml", &changed);
    let ran = lab.infra(&["plan"]);
    assert!(ran.code != Some(0) && ran.stderr.contains("artifacts fetch"), "{ran}");
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(lab.inventory(), empty);
}
