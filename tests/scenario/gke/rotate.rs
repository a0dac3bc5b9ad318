//! A node of GKE is replaced while the apps keep running.

use super::{bare, with_apps};
use crate::lab::{Kubectl, Lab};

/// The names of the Nodes, as `infra status --json` has them.
pub(super) fn nodes_of(status: &str) -> Vec<String> {
    let status: serde_json::Value = serde_json::from_str(status).unwrap();
    let nodes = status["nodes"].as_array().unwrap().iter();
    nodes.map(|node| node["name"].as_str().unwrap().to_owned()).collect()
}

fn nodes(lab: &Lab) -> Vec<String> {
    nodes_of(&lab.run(&["status", "--json"]).ok().stdout)
}

#[test]
fn a_node_of_gke_is_replaced_even_if_killed() {
    let lab = with_apps();
    lab.run(&["apply", "--yes"]).ok();
    let before = nodes(&lab);
    let old = before[0].as_str();
    lab.run(&["rotate-node", "nobody", "--yes"]).expect(1).warns("there is no node `nobody`");

    // Killed twice on the way: while the new machine comes, and while the old one is drained.
    for moment in ["instance.", &format!("node.{old}: deleting")] {
        let mut run = lab.start(&["rotate-node", old, "--yes"]);
        assert!(run.until_says(moment), "{}", run.wait());
        run.kill();
        // A plan in between never makes GKE choose which one goes.
        let plan = lab.run(&["plan"]).ok();
        assert_eq!(plan.changed("~"), Vec::<String>::new(), "{plan}");
    }
    lab.run(&["rotate-node", old, "--yes"]).ok().says("has taken the place of");
    let after = nodes(&lab);
    assert_eq!(after.len(), 2);
    assert!(!after.contains(&before[0]) && after.contains(&before[1]), "{before:?} {after:?}");
    // In the same zone's group.
    let group = |name: &str| name.rsplit_once('-').unwrap().0.to_owned();
    let new = after.iter().find(|name| **name != before[1]).unwrap();
    assert_eq!(group(new), group(old));
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    if let Some(kubectl) = Kubectl::of(&lab, "lab") {
        assert_eq!(kubectl.ready_nodes().len(), 2);
        assert_eq!(kubectl.broken_pods("shop"), Vec::<Vec<String>>::new());
    }

    // A second one, and the state keeps nothing of either.
    lab.run(&["rotate-node", &before[1], "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    let listed = lab.run(&["state", "list"]).ok();
    assert!(!listed.stdout.contains("instance."), "{listed}");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_rotation_that_was_killed_at_its_end_goes_on_by_the_same_command() {
    let lab = bare();
    lab.run(&["apply", "--yes"]).ok();
    let before = nodes(&lab);
    for (old, moment) in before.iter().zip(["node", "instance"]) {
        // The Node is gone before its machine is, and the machine before that is written down.
        let mut run = lab.start(&["rotate-node", old, "--yes"]);
        assert!(run.until_says(&format!("{moment}.{old}: deleted")), "{}", run.wait());
        run.kill();
        lab.run(&["rotate-node", old, "--yes"]).ok();
        lab.run(&["plan", "--detailed-exitcode"]).ok();
        assert!(!nodes(&lab).contains(old), "{old}");
        lab.run(&["rotate-node", old, "--yes"]).expect(1).warns("there is no node");
    }
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn apply_finishes_a_rotation_that_was_killed() {
    let lab = bare();
    lab.run(&["apply", "--yes"]).ok();
    let old = nodes(&lab)[1].clone();
    let mut run = lab.start(&["rotate-node", &old, "--yes"]);
    assert!(run.until_says("created"), "{}", run.wait());
    run.kill();
    lab.run(&["apply", "--yes"]).ok();
    let after = nodes(&lab);
    assert_eq!(after.len(), 2);
    assert!(!after.contains(&old), "{after:?}");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
