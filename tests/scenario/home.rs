//! State and keys lie beside infra.toml, from wherever the command is run.

use std::path::PathBuf;

use super::lab::{Config, Kubectl, Lab, Ran};

const SMALL: Config = Config { control_planes: 1, workers: 1 };
const FILE: &str = "clusters/one/infra.toml";

/// A folder with the file below it, not in it.
fn below() -> Lab {
    let lab = Lab::empty();
    std::fs::create_dir_all(lab.file("clusters/one")).unwrap();
    std::fs::create_dir_all(lab.file("elsewhere/deep")).unwrap();
    lab.write(FILE, &SMALL.toml());
    lab
}

fn run_in(lab: &Lab, folder: &str, words: &[&str]) -> Ran {
    let mut command = lab.bare(words);
    Ran::of(command.current_dir(lab.file(folder)))
}

fn stop(lab: &Lab, folder: &str) {
    run_in(lab, folder, &["sim", "stop"]).ok();
}

#[test]
fn it_is_the_same_cluster_from_anywhere() {
    let lab = below();
    run_in(&lab, "", &["apply", "--sim", "--sim-speed", "10", "--yes", "-f", FILE]).ok();
    let keys = lab.read("clusters/one/ssl/lab/ca.key");
    for absent in [".infra", "ssl", "clusters/.infra"] {
        assert!(!lab.file(absent).exists(), "{absent}");
    }
    let absolute = lab.file(FILE);
    for (folder, file) in [
        ("clusters/one", "infra.toml"),
        ("elsewhere/deep", "../../clusters/one/infra.toml"),
        ("elsewhere", absolute.to_str().unwrap()),
    ] {
        run_in(&lab, folder, &["plan", "--sim", "--detailed-exitcode", "-f", file]).ok();
        run_in(&lab, folder, &["sim", "status", "-f", file]).ok();
        assert!(!lab.file(folder).join(".infra").exists() || folder == "clusters/one");
    }
    assert_eq!(lab.read("clusters/one/ssl/lab/ca.key"), keys);
    if let Some(kubectl) = Kubectl::at(&lab, &lab.file("clusters/one/ssl/lab/kubeconfig")) {
        assert_eq!(kubectl.ready_nodes(), ["control-plane-1", "worker-1"]);
    }
    run_in(&lab, "elsewhere", &["destroy", "--sim", "--yes", "-f", "../clusters/one/infra.toml"])
        .ok();
    stop(&lab, "clusters/one");
}

#[test]
fn another_folder_can_be_named() {
    let lab = below();
    let kept = lab.file("kept");
    let kept = kept.to_str().unwrap();
    let words = ["plan", "--sim", "--state-dir", kept];
    run_in(&lab, "clusters/one", &words).ok();
    assert!(lab.file("kept/.infra/sim").exists());
    let mut command = lab.bare(&["sim", "status"]);
    Ran::of(command.current_dir(lab.file("elsewhere")).env("INFRA_STATE_DIR", kept)).ok();
    assert!(!lab.file("clusters/one/.infra").exists());
    run_in(&lab, "", &["sim", "stop", "--state-dir", kept]).ok();
}

/// Makes the cluster as an earlier version has left it: in the current folder.
fn left_in_the_current_folder() -> Lab {
    let lab = below();
    run_in(
        &lab,
        "",
        &["apply", "--sim", "--sim-speed", "10", "--yes", "-f", FILE, "--state-dir", "."],
    )
    .ok();
    assert!(lab.file(".infra/lab/identity.json").exists());
    lab
}

#[test]
fn state_in_the_current_folder_is_used_named_and_moved() {
    let lab = left_in_the_current_folder();
    run_in(&lab, "", &["plan", "--sim", "--detailed-exitcode", "-f", FILE])
        .ok()
        .warns("the state of cluster lab is in .infra/lab")
        .warns("infra state migrate");
    let keys = lab.read("ssl/lab/ca.key");

    run_in(&lab, "", &["state", "migrate", "--sim", "-f", FILE])
        .ok()
        .says("Moved .infra/lab to clusters/one/.infra/lab.")
        .says("Moved ssl/lab to clusters/one/ssl/lab.");
    for absent in [".infra", "ssl"] {
        assert!(!lab.file(absent).exists(), "{absent}");
    }
    assert_eq!(lab.read("clusters/one/ssl/lab/ca.key"), keys);
    let ran = run_in(&lab, "", &["plan", "--sim", "--detailed-exitcode", "-f", FILE]).ok();
    assert!(!ran.stderr.contains("state migrate"), "{}", ran.stderr);
    run_in(&lab, "elsewhere", &["destroy", "--sim", "--yes", "-f", "../clusters/one/infra.toml"])
        .ok();
    stop(&lab, "clusters/one");
}

#[test]
fn a_move_that_was_cut_off_is_finished() {
    let lab = left_in_the_current_folder();
    run_in(&lab, "", &["sim", "stop"]).ok();
    // Ended after the keys were copied: the old place still counts.
    copy(&lab, "ssl/lab", "clusters/one/ssl/lab");
    run_in(&lab, "", &["plan", "--sim", "--detailed-exitcode", "-f", FILE]).ok();
    // Ended before the old keys were deleted: the new place counts.
    copy(&lab, "ssl", "aside");
    run_in(&lab, "", &["state", "migrate", "--sim", "-f", FILE]).ok();
    copy(&lab, "aside", "ssl");
    run_in(&lab, "", &["state", "migrate", "--sim", "-f", FILE])
        .ok()
        .says("Moved ssl/lab to clusters/one/ssl/lab.");
    assert!(!lab.file("ssl/lab").exists());
    run_in(&lab, "", &["plan", "--sim", "--detailed-exitcode", "-f", FILE]).ok();

    // Other keys are never overwritten.
    std::fs::create_dir_all(lab.file("ssl/lab")).unwrap();
    lab.write("ssl/lab/ca.key", "another one");
    run_in(&lab, "", &["state", "migrate", "--sim", "-f", FILE])
        .expect(9)
        .warns("is there already and differs");
    assert_eq!(lab.read("ssl/lab/ca.key"), "another one");
    stop(&lab, "clusters/one");
}

fn copy(lab: &Lab, from: &str, to: &str) {
    let to: PathBuf = lab.file(to);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    let status = std::process::Command::new("cp").arg("-a").arg(lab.file(from)).arg(to).status();
    assert!(status.unwrap().success());
}

#[test]
fn two_states_of_one_cluster_are_refused_until_one_is_left() {
    let lab = left_in_the_current_folder();
    run_in(&lab, "", &["sim", "stop"]).ok();
    // A move to another disk ended when both states were whole.
    for folder in [".infra/lab", ".infra/sim", "ssl/lab"] {
        copy(&lab, folder, &format!("clusters/one/{folder}"));
    }
    let settings = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n";
    std::fs::create_dir(lab.file("clusters/one/apps")).unwrap();
    lab.write("clusters/one/apps/settings.yaml", settings);
    let with_apps = format!("{}\n[apps]\nbase = \"apps\"\n", SMALL.toml());
    lab.write("clusters/one/apps.toml", &with_apps);
    for words in [
        &["plan", "--sim", "-f", FILE][..],
        &["state", "list", "-f", FILE],
        &["kubeconfig", "-f", FILE],
        &["apps", "status", "-f", "clusters/one/apps.toml"],
    ] {
        run_in(&lab, "", words)
            .expect(9)
            .warns("cannot tell which state of cluster lab counts")
            .warns("--state-dir clusters/one")
            .warns("infra state migrate");
    }
    run_in(&lab, "", &["state", "list", "-f", FILE, "--state-dir", "clusters/one"]).ok();

    // One that continued in the old place is not deleted.
    let journal = lab.read(".infra/lab/journal");
    lab.write(".infra/lab/journal", &format!("{journal}more\n"));
    run_in(&lab, "", &["state", "migrate", "--sim", "-f", FILE])
        .expect(9)
        .warns("is there already and differs");
    assert!(lab.file(".infra/lab/identity.json").exists());

    lab.write(".infra/lab/journal", &journal);
    run_in(&lab, "", &["state", "migrate", "--sim", "-f", FILE])
        .ok()
        .says("Moved .infra/lab to clusters/one/.infra/lab.");
    assert!(!lab.file(".infra").exists() && !lab.file("ssl").exists());
    run_in(&lab, "", &["plan", "--sim", "--detailed-exitcode", "-f", FILE]).ok();
    stop(&lab, "clusters/one");
}

#[test]
fn a_cluster_of_another_file_in_the_current_folder_is_left_alone() {
    let lab = left_in_the_current_folder();
    // The state is that of the file here, and the other file only has the same name for its cluster.
    lab.write("infra.toml", &SMALL.toml());
    run_in(&lab, "", &["plan", "--sim", "--detailed-exitcode"]).ok();
    let ran = run_in(&lab, "", &["plan", "--sim", "--detailed-exitcode", "-f", FILE]).expect(2);
    assert!(!ran.stderr.contains("state migrate"), "{}", ran.stderr);
    run_in(&lab, "", &["state", "migrate", "--sim", "-f", FILE]).expect(64);
    assert!(lab.file(".infra/lab/identity.json").exists() && lab.file("ssl/lab/ca.key").exists());
    stop(&lab, "clusters/one");
}

#[test]
fn a_refused_move_leaves_the_embedded_cloud_running() {
    let lab = left_in_the_current_folder();
    let lock = std::fs::File::options()
        .create(true)
        .append(true)
        .open(lab.file(".infra/lab/lock"))
        .unwrap();
    lock.lock().unwrap();
    run_in(&lab, "", &["state", "migrate", "--sim", "-f", FILE]).expect(5);
    run_in(&lab, "", &["sim", "inventory"]).ok();
    drop(lock);

    let link = lab.file("ssl/lab/kept.key");
    std::os::unix::fs::symlink("../../kept.key", &link).unwrap();
    run_in(&lab, "", &["state", "migrate", "--sim", "-f", FILE])
        .expect(9)
        .warns("cannot move ssl/lab/kept.key: it is a link to ../../kept.key");
    assert!(lab.file(".infra/lab/identity.json").exists());
    std::fs::remove_file(&link).unwrap();
    run_in(&lab, "", &["state", "migrate", "--sim", "-f", FILE]).ok();
    stop(&lab, "clusters/one");
}
