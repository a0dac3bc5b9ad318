//! What others did to the cluster: pools made by hand, and a cluster that was deleted in the console.

use super::{
    bare,
    hands::{CLUSTER, google, pool_by_hand, until_idle},
    ready_nodes, toml,
};
use crate::lab::Kubectl;

#[test]
fn a_pool_that_was_made_by_hand_is_left_alone() {
    let lab = bare();
    lab.run(&["apply", "--yes"]).ok();
    pool_by_hand(&lab, "byhand");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    let orphans = lab.run(&["orphans"]).ok();
    assert!(!orphans.stdout.contains("byhand"), "{orphans}");

    // Its name is not taken over.
    let more = "\n[pools.byhand]\ncount = 2\nvcpus = 2\nmemory = \"4GiB\"\n";
    lab.write("infra.toml", &toml("count = 2", more));
    let taken = "there is a pool byhand in the GKE cluster lab already, which infra did not make";
    lab.run(&["plan"]).expect(3).warns(taken).warns("infra.toml:");
    lab.write("infra.toml", &toml("count = 2", ""));

    lab.run(&["plan", "--destroy"])
        .ok()
        .says("the pool byhand, which infra did not make, goes with it");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_cluster_that_was_deleted_by_hand_comes_back_with_its_apps() {
    let lab = super::with_apps();
    lab.run(&["apply", "--yes"]).ok();
    google(&lab, "DELETE", CLUSTER, None);
    until_idle(&lab);
    let plan = lab.run(&["plan", "--detailed-exitcode"]).expect(2);
    for wanted in ["gke_cluster.main", "node_pool.worker", "suite.apps", "suite.ingress"] {
        assert!(plan.changed("+").contains(&wanted.to_owned()), "{wanted} in {plan}");
    }
    // One run: nobody has to guess that the apps are missing.
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    if let Some(nodes) = ready_nodes(&lab) {
        assert_eq!(nodes.len(), 2);
    }
    if let Some(kubectl) = Kubectl::of(&lab, "lab") {
        assert_eq!(kubectl.broken_pods("shop"), Vec::<Vec<String>>::new());
    }
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
