//! Many nodes are replaced by one command: so many at once, resumed, taken back, and past one that gets stuck.

use infra_test_utils::ClusterToml;
use serde_json::json;

use super::machines;
use crate::lab::{Kubectl, Lab};

/// A cluster with an app of two pods, of which `at_least` have to run.
fn lab(workers: usize, at_least: u32, bounds: &str) -> Lab {
    let toml = ClusterToml::new("lab").pinned().workers(workers);
    let toml = toml.with("\n[apps]\nbase = \"apps\"\n").to_string();
    let lab = Lab::with(&toml.replace("[pools.worker]\n", &format!("[pools.worker]\n{bounds}")));
    lab.write("apps/shop.yaml", &APP.replace("AT_LEAST", &at_least.to_string()));
    lab
}

/// The number of each step in which a worker of the first generation was deleted, in the order of their names.
fn steps(run: &crate::lab::Ran) -> usize {
    run.stdout.matches("to create, 0 to update").count()
}

#[test]
fn a_pool_is_replaced_so_many_at_once_and_goes_on_after_a_kill() {
    let lab = lab(5, 1, "max_surge = \"40%\"\n");
    lab.run(&["apply", "--yes"]).ok();
    let words = ["rotate-node", "--pool", "worker", "--yes"];
    let mut run = lab.start(&words);
    assert!(run.until_says("node.worker-1: deleted"), "{}", run.wait());
    assert!(run.stdout().contains("Rotating 5 nodes in 3 steps:"), "{}", run.stdout());
    run.kill();
    lab.run(&["plan"]).ok().says("a rotation is under way since").says("3 nodes are left");
    // Naming one of those that are left is no other rotation, a control plane is.
    lab.run(&["rotate-node", "control-plane-1", "--yes"])
        .expect(1)
        .warns("another rotation is under way")
        .warns("--abort");
    // A part of it leaves the rest as it is, and what was not agreed to yet is asked about.
    lab.run(&["rotate-node", "worker-1", "--yes"]).ok();
    lab.run(&["plan"]).ok().says("3 nodes are left");
    lab.run(&["rotate-node", "--all"]).expect(7).warns("nobody is there to confirm it");
    let resumed = lab.run(&["rotate-node", "--resume", "--yes"]).ok();
    resumed.says("Going on with the rotation of");
    let wanted = ["worker-1-g2", "worker-2-g2", "worker-3-g2", "worker-4-g2", "worker-5-g2"];
    assert_eq!(machines(&lab)[1..], wanted);
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    // The command line says more than the file: all at once, and in place of each other.
    let all =
        ["rotate-node", "--pool", "worker", "--max-surge", "3", "--max-unavailable", "2", "--yes"];
    let run = lab.run(&all).ok();
    assert_eq!(steps(&run), 1, "{run}");
    let place = |text: &str| run.stderr.find(text).unwrap_or_else(|| panic!("{text}: {run}"));
    assert!(
        place("droplet.worker-5-g2: deleted") < place("droplet.worker-5-g3: creating"),
        "{run}"
    );
    assert!(place("node.worker-1-g3: created") < place("node.worker-1-g2: deleting"), "{run}");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn only_what_is_outdated_is_replaced() {
    let lab = lab(2, 1, "");
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["rotate-node", "--outdated", "--yes"]).ok().says("No node is to be replaced.");
    let toml = lab.read("infra.toml");
    let (head, worker) = toml.split_once("[pools.worker]").unwrap();
    lab.write(
        "infra.toml",
        &format!("{head}[pools.worker]{}", worker.replacen("s-2vcpu-4gb", "s-4vcpu-8gb", 1)),
    );
    assert_ne!(lab.read("infra.toml"), toml);
    lab.run(&["plan"]).ok().says("size changed");
    let run = lab.run(&["rotate-node", "--outdated", "--yes"]).ok();
    assert_eq!(steps(&run), 2, "{run}");
    assert_eq!(machines(&lab), ["control-plane-1", "worker-1-g2", "worker-2-g2"]);
    lab.run(&["rotate-node", "--outdated", "--yes"]).ok().says("No node is to be replaced.");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_node_that_gets_stuck_is_passed_by_and_taken_back() {
    // Both pods have to run: no drain can end.
    let lab = lab(2, 2, "");
    lab.run(&["apply", "--yes"]).ok();
    let words = ["rotate-node", "--pool", "worker", "--drain-timeout", "2s", "--yes"];
    let stuck = lab.run(&words).expect(8);
    stuck
        .warns("These pods can't be moved now")
        .warns("were not emptied in time, and are still there: worker-1, worker-2");
    assert_eq!(
        machines(&lab),
        ["control-plane-1", "worker-1", "worker-1-g2", "worker-2", "worker-2-g2"]
    );

    // With `stop` no other node is begun with.
    lab.run(&["rotate-node", "--abort", "--yes"]).ok();
    assert_eq!(machines(&lab), ["control-plane-1", "worker-1", "worker-2"]);
    if let Some(kubectl) = Kubectl::of(&lab, "lab") {
        assert_eq!(
            kubectl.ready_nodes(),
            ["control-plane-1", "worker-1", "worker-2"],
            "not cordoned"
        );
        assert_eq!(kubectl.broken_pods("shop"), Vec::<Vec<String>>::new());
    }
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["rotate-node", "--abort", "--yes"]).expect(1).warns("no rotation is under way");
    let stop = [&words[..], &["--on-stuck", "stop"]].concat();
    lab.run(&stop).expect(8);
    assert!(!machines(&lab).contains(&"worker-2-g2".to_owned()), "{:?}", machines(&lab));

    // Once there is room it goes on.
    lab.write("apps/shop.yaml", &APP.replace("AT_LEAST", "1"));
    lab.run(&["apps", "apply", "--yes"]).ok();
    lab.run(&["rotate-node", "--resume", "--yes"]).ok();
    assert_eq!(machines(&lab), ["control-plane-1", "worker-1-g2", "worker-2-g2"]);
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn what_would_be_lost_or_has_no_room_is_said_before_anything_is_made() {
    let lab = lab(2, 1, "");
    lab.write("apps/alone.yaml", ALONE);
    lab.run(&["apply", "--yes"]).ok();
    let before = lab.inventory();
    let words = ["rotate-node", "--pool", "worker", "--yes"];
    let alone = lab.run(&words).expect(1);
    alone
        .warns("no controller makes these pods again: worker-")
        .warns("shop/alone")
        .warns("--delete-unmanaged");
    // No machine more than there are: the first step finds no room for its successor.
    let mut limits = lab.by_hand("GET", "/sim/limits", None);
    limits["droplets"] = json!(3);
    lab.by_hand("POST", "/sim/limits", Some(limits));
    let all = [&words[..], &["--delete-unmanaged"]].concat();
    lab.run(&all).expect(3).warns("3");
    assert_eq!(lab.inventory().ids(), before.ids());
    lab.run(&["rotate-node", "--resume", "--yes"]).expect(1).warns("no rotation is under way");
    // In each other's place there is.
    let in_place = [&all[..], &["--max-unavailable", "1"]].concat();
    lab.run(&in_place).ok();
    assert_eq!(machines(&lab), ["control-plane-1", "worker-1-g2", "worker-2-g2"]);
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

const ALONE: &str = "apiVersion: v1
kind: Pod
metadata: {name: alone, namespace: shop}
spec:
  containers:
    - name: alone
      image: registry.example.com/alone:1.0.0
";

const APP: &str = r#"apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: DoNotSchedule
          labelSelector: {matchLabels: {app: web}}
      containers:
        - name: web
          image: registry.example.com/web:1.0.0
          ports: [{containerPort: 8080}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec:
  minAvailable: AT_LEAST
  selector: {matchLabels: {app: web}}
"#;
