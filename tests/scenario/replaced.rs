//! A machine that takes the place of another one of its name.

use super::lab::{Config, Kubectl, Lab};

const SMALL: Config = Config { control_planes: 1, workers: 2 };

/// Name and UID of each Node.
fn nodes(kubectl: &Kubectl) -> Vec<(String, String)> {
    let format = "jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{\"\\n\"}{end}";
    let ran = kubectl.run(&["get", "nodes", "-o", format]).ok();
    let pair = |line: &str| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned()));
    ran.stdout.lines().filter_map(pair).collect()
}

/// Applies, and sees that the machine `name` is another one with a Node of its own, that the Node of
/// the old one was gone before the new machine was created, and that nothing is left to do. With
/// `by_hand` the machine is deleted in the console before.
#[track_caller]
fn assert_replaced(
    lab: &Lab,
    name: &str,
    by_hand: bool,
    applies: &[&[&str]],
    kubectl: Option<&Kubectl>,
) {
    let (id, before) = (lab.machine_id(name), kubectl.map(nodes));
    if by_hand {
        lab.delete_machine(name);
    }
    let mut said = String::new();
    for words in applies {
        let always = ["apply", "--yes", "--ready-timeout", "60s"];
        said += &lab.run(&[&always, *words].concat()).ok().stderr;
    }
    let gone = said.find(&format!("node.{name}: deleted"));
    let comes = said.find(&format!("droplet.{name}: creating"));
    assert!(comes.is_some() && gone < comes, "{said}");
    // A while after the machine is gone, the cloud's controller deletes the Node by itself.
    assert!(gone.is_some() || by_hand, "{said}");
    assert!(lab.machine_id(name).is_some() && lab.machine_id(name) != id, "{said}");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    let Some((kubectl, before)) = kubectl.zip(before) else { return };
    let after = nodes(kubectl);
    assert_eq!(kubectl.ready_nodes().len(), before.len(), "{said}");
    for (node, uid) in &before {
        let (_, now) = after.iter().find(|(one, _)| one == node).unwrap();
        assert_eq!(now != uid, node == name, "{node}: {said}");
    }
}

#[test]
fn a_machine_that_is_created_again_has_a_node_of_its_own() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes"]).ok();
    let kubectl = Kubectl::of(&lab, "lab");
    let kubectl = kubectl.as_ref();

    // Right after its machine is gone its Node still looks Ready, and has pods on it.
    assert_replaced(&lab, "worker-2", true, &[&[]], kubectl);

    // Asked for, with the old machine still running.
    assert_replaced(&lab, "worker-2", false, &[&["--replace", "droplet.worker-2"]], kubectl);

    // Only the machine is in the plan: its Node goes all the same, and comes with the next run.
    assert_replaced(&lab, "worker-1", true, &[&["--phase", "infra"], &[]], kubectl);
    let target = ["--target", "droplet.worker-1", "--replace", "droplet.worker-1"];
    assert_replaced(&lab, "worker-1", false, &[&target, &[]], kubectl);

    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

/// A kubelet registers its Node once, when it starts: a Node that somebody deletes does not come back.
#[test]
fn a_machine_whose_node_was_deleted_by_hand_is_recreated() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes"]).ok();
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };
    let (id, other) = (lab.machine_id("worker-1"), lab.machine_id("worker-2"));
    kubectl.run(&["delete", "node", "worker-1"]).ok();
    let plan = lab.run(&["plan"]).ok().says("a kubelet registers only once");
    assert_eq!(plan.changed("-/+"), ["droplet.worker-1"], "{plan}");
    lab.run(&["apply", "--yes", "--ready-timeout", "60s"]).ok();
    assert!(lab.machine_id("worker-1").is_some() && lab.machine_id("worker-1") != id);
    assert_eq!(lab.machine_id("worker-2"), other);
    assert_eq!(kubectl.ready_nodes().len(), 3);
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    // The only control plane has etcd's data on it.
    kubectl.run(&["delete", "node", "control-plane-1"]).ok();
    let plan = lab.run(&["plan"]).ok().says("restart the kubelet on its machine");
    assert!(plan.changed("-/+").is_empty(), "{plan}");
}

#[test]
fn a_replacement_that_is_killed_anywhere_ends_with_one_node_of_the_new_machine() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes"]).ok();
    let kubectl = Kubectl::of(&lab, "lab");
    let apply = ["apply", "--yes"].as_slice();
    let replace = ["apply", "--yes", "--replace", "droplet.worker-2"].as_slice();
    let moments = [
        // The Node of a machine that is gone may be deleted by the cloud's controller, so here it is not.
        (replace, "node.worker-2: deleting"),
        (replace, "node.worker-2: deleted"),
        (apply, "droplet.worker-2: creating"),
        (apply, "droplet.worker-2: created"),
        (apply, "node.worker-2: creating"),
    ];
    for (words, moment) in moments {
        if words == apply {
            lab.delete_machine("worker-2");
        }
        let mut run = lab.start(words);
        assert!(run.until_says(moment), "{moment}: {}", run.wait());
        run.kill();
        lab.run(&[words, &["--ready-timeout", "60s"]].concat()).ok();
        lab.run(&["plan", "--detailed-exitcode"]).ok();
        let Some(kubectl) = &kubectl else { continue };
        assert_eq!(kubectl.ready_nodes(), ["control-plane-1", "worker-1", "worker-2"], "{moment}");
    }
}

/// The nodes whose boot failed, by `status --json`; each names its stage and what to do.
fn boot_failures(lab: &Lab) -> Vec<String> {
    let ran = lab.run(&["status", "--json"]).ok();
    let status: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let failures = status["nodes"].as_array().unwrap().iter().map(|node| &node["boot_failure"]);
    let failures = failures.filter(|failure| !failure.is_null());
    failures
        .map(|failure| {
            let stage = failure["stage"].as_str().unwrap();
            let reason = failure["reason"].as_str().unwrap();
            assert!(reason.starts_with(&format!("failed at {stage}: ")), "{failure}");
            assert!(failure["hint"].as_str().unwrap().contains("infra logs"), "{failure}");
            failure["node"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn a_new_machine_is_not_failed_by_the_report_of_the_one_before() {
    let lab = SMALL.lab();
    lab.start_cloud();
    lab.fault(&["boot_fails", "--machine", "worker-2", "--count", "1"]);
    lab.run(&["apply", "--yes"]).expect(8).warns("worker-2: failed at");
    lab.run(&["logs", "worker-2"]).expect(1).says("failed");
    let status = lab.run(&["status"]).ok().says("boot failed at").says("worker-2: failed at");
    status.says("infra apply --replace droplet.worker-2");
    assert_eq!(boot_failures(&lab), ["worker-2"]);

    // Another revision, so that the old report is not where the new one will be.
    let labelled =
        SMALL.toml().replace("[pools.worker]", "[pools.worker]\nlabels = { tier = \"back\" }");
    lab.write("infra.toml", &labelled);
    let again = ["apply", "--yes", "--replace", "droplet.worker-2", "--ready-timeout", "60s"];
    lab.run(&again).ok();
    lab.run(&["logs", "worker-2"]).ok().says("done");
    assert_eq!(boot_failures(&lab), [""; 0]);
    // worker-1 waits for its rotation; nothing else is left to do.
    lab.run(&["plan", "--detailed-exitcode"]).ok();
}
