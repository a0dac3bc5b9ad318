//! From one file to running apps on GKE, and back to an empty project.

use super::{bare, ready_nodes, with_apps};
use crate::lab::{Kubectl, visit};

#[test]
fn from_one_file_to_running_apps_on_gke_and_back() {
    let lab = with_apps();
    let first = lab.run(&["apply", "--yes"]).ok();
    first.says("API server").warns("(access token)").warns("gke_cluster.main: PROVISIONING");
    lab.run(&["plan", "--detailed-exitcode"]).ok().says("No changes");

    // kubectl gets its tokens by a verb of the binary: neither gcloud nor its plugin is asked.
    if let Some(kubectl) = Kubectl::of(&lab, "lab") {
        assert_eq!(kubectl.ready_nodes().len(), 2);
        assert_eq!(kubectl.broken_pods("shop"), Vec::<Vec<String>>::new());
        let volumes = kubectl.rows(&["pv"]);
        assert_eq!(volumes.len(), 1, "{volumes:?}");
    }
    let status: serde_json::Value =
        serde_json::from_str(&lab.run(&["status", "--json"]).ok().stdout).unwrap();
    assert_eq!(status["nodes"].as_array().unwrap().len(), 2);
    if nix::unistd::geteuid().is_root() {
        let ingress = status["ingress_address"].as_str().unwrap();
        let (answer, body) = visit(ingress, "shop.lab.example.com", "/");
        assert_eq!(
            (answer.as_str(), body.trim()),
            ("HTTP/1.1 200 OK", "simulated answer of service shop/web")
        );
    }

    // Verbs about what only a control plane of one's own has say who runs it.
    for words in [
        &["certs"][..],
        &["logs", "x"],
        &["node", "show", "x"],
        &["artifacts", "list"],
        &["encryption", "status"],
    ] {
        lab.run(words).expect(3).warns("Google Cloud runs the control plane of this cluster");
    }

    let inventory = lab.inventory();
    let made = inventory.0["gcp"].to_string();
    for part in ["k8s-fw-a", "pvc-"] {
        assert!(made.contains(part), "Kubernetes has made {part}… in {made}");
    }
    let gone = lab.run(&["destroy", "--yes"]).ok();
    for kind in ["disk.", "kubernetes_load_balancer.", "kubernetes_firewall."] {
        let deleted = gone.changed("-");
        assert!(deleted.iter().any(|address| address.starts_with(kind)), "{kind} in {gone}");
    }
    lab.inventory().assert_empty();
    lab.run(&["destroy", "--yes"]).ok();
    assert!(!lab.file("ssl/lab/kubeconfig").exists());
}

#[test]
fn a_plan_without_changes_takes_ten_calls_at_most() {
    let lab = with_apps();
    lab.run(&["apply", "--yes"]).ok();
    lab.calls();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    let calls = lab.calls();
    let to_google: u64 =
        calls.iter().filter(|(name, _)| name.contains("/projects/{project}")).map(|(_, n)| n).sum();
    assert!(to_google <= 10, "{to_google} calls: {calls:#?}");
    assert!(to_google >= 5, "calls are counted: {calls:#?}");
}

#[test]
fn a_lost_state_finds_everything_again() {
    let lab = bare();
    lab.run(&["apply", "--yes"]).ok();
    let before = lab.inventory().0["gcp"].clone();
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
    std::fs::remove_dir_all(lab.file("ssl")).unwrap();
    let plan = lab.run(&["plan"]).ok();
    assert_eq!(plan.changed("-"), Vec::<String>::new(), "{plan}");
    let wanted = ["api_server.main", "kubeconfig.admin", "node_set.worker", "suite.ingress"];
    let created = plan.changed("+");
    assert!(created.iter().all(|one| wanted.contains(&one.as_str())), "{plan}");
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    assert_eq!(lab.inventory().0["gcp"], before);
    if let Some(nodes) = ready_nodes(&lab) {
        assert_eq!(nodes.len(), 2);
    }
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_kubeconfig_takes_the_vendor_s_plugin_too() {
    let lab = bare();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let own = lab.run(&["kubeconfig", "--print"]).ok();
    own.says("client.authentication.k8s.io/v1\n").says("kube-token");
    let vendor = lab.run(&["kubeconfig", "--print", "--exec", "gke-gcloud-auth-plugin"]).ok();
    vendor.says("command: gke-gcloud-auth-plugin").says("client.authentication.k8s.io/v1beta1");
    lab.run(&["kubeconfig", "--print", "--valid", "8h"]).expect(64).warns("end after an hour");
    let token = lab.run(&["kube-token"]).ok();
    let token: serde_json::Value = serde_json::from_str(&token.stdout).unwrap();
    assert_eq!(token["kind"], "ExecCredential");
    assert!(token["status"]["token"].as_str().unwrap().starts_with("ya29."));
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
