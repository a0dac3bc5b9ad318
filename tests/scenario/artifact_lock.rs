//! `artifacts.lock` beside infra.toml: what nodes download, pinned where the file is kept.

use infra_provisioning::artifacts::{Arch, stand_ins};

use super::lab::{Config, Lab};

/// A folder where everything was fetched.
fn fetched() -> Lab {
    let lab = Config { control_planes: 1, workers: 1 }.lab();
    let source = lab.file("source");
    stand_ins(&source, "1.36.2", Arch::Amd64).unwrap();
    fetch(&lab).ok();
    lab
}

fn fetch(lab: &Lab) -> super::lab::Ran {
    lab.run_bare(&["artifacts", "fetch", "--from", "source", "--allow-unknown-checksums"])
}

#[test]
fn the_list_outlives_the_cache() {
    let lab = fetched();
    let (lock, list) =
        (lab.read("artifacts.lock"), lab.run_bare(&["artifacts", "list"]).ok().stdout);
    let sums: Vec<&str> = lock.lines().filter_map(|line| line.strip_prefix("sha256 = ")).collect();
    assert!(sums.len() > 5, "{lock}");
    assert!(list.contains(sums[0].trim_matches('"')), "{list}{lock}");
    // A colleague has what is kept with infra.toml, and no cache.
    std::fs::remove_dir_all(lab.file(".infra/artifacts")).unwrap();
    assert_eq!(lab.run_bare(&["artifacts", "list"]).ok().stdout, list);
    lab.run_bare(&["artifacts", "verify"]).expect(1).says("missing");
    // The same files again are the same list.
    fetch(&lab).ok();
    assert_eq!(lab.read("artifacts.lock"), lock);
    lab.run_bare(&["artifacts", "verify"]).ok();
    // Others are not.
    let file = lock.split("file = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    lab.write(&format!(".infra/artifacts/{file}"), "another");
    lab.run_bare(&["artifacts", "verify"]).expect(1);
}

#[test]
fn the_list_of_an_earlier_version_counts_until_the_next_fetch() {
    let lab = fetched();
    let list = lab.run_bare(&["artifacts", "list"]).ok().stdout;
    std::fs::rename(lab.file("artifacts.lock"), lab.file(".infra/artifacts/artifacts.lock"))
        .unwrap();
    assert_eq!(lab.run_bare(&["artifacts", "list"]).ok().stdout, list);
    assert!(!lab.file("artifacts.lock").exists());
    fetch(&lab).ok();
    assert!(lab.file("artifacts.lock").exists());
    lab.write("artifacts.lock", "not a list");
    let ran = lab.run_bare(&["artifacts", "list"]).expect(1);
    assert!(ran.stderr.contains("artifacts.lock"), "{ran}");
}
