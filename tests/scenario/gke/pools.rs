//! Pools that grow, shrink, scale by themselves, come and go.

use serde_json::json;

use super::{bare, ready_nodes, toml};
use crate::lab::Lab;

fn names(ran: &crate::lab::Ran, mark: &str, kind: &str) -> Vec<String> {
    let all = ran.changed(mark).into_iter();
    all.filter_map(|one| one.strip_prefix(kind).map(str::to_owned)).collect()
}

#[test]
fn a_pool_that_gets_smaller_drains_the_machines_that_it_gives_up() {
    let lab = Lab::on("gcp", &toml("count = 4", ""));
    lab.run(&["apply", "--yes"]).ok();
    lab.write("infra.toml", &toml("count = 2", ""));
    let plan = lab.run(&["plan", "--detailed-exitcode"]).expect(2);
    let machines = names(&plan, "-", "instance.");
    assert_eq!(machines.len(), 2, "{plan}");
    assert_eq!(names(&plan, "-", "node."), machines, "each is drained: {plan}");
    plan.says("node_pool.worker gets smaller");
    // One of each zone: the group of each shall be of the same size.
    let groups: std::collections::BTreeSet<&str> =
        machines.iter().map(|name| name.rsplit_once('-').unwrap().0).collect();
    assert_eq!(groups.len(), 2, "{machines:?}");

    // GKE would take any. It is never asked to: killed on the way, the same ones go.
    let mut run = lab.start(&["apply", "--yes"]);
    assert!(run.until_says("deleting"), "{}", run.wait());
    run.kill();
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    if let Some(nodes) = ready_nodes(&lab) {
        assert_eq!(nodes.len(), 2);
        assert!(nodes.iter().all(|node| !machines.contains(node)), "{nodes:?} {machines:?}");
    }
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_pool_that_gke_is_changing_gets_smaller_once_that_is_over() {
    let lab = Lab::on("gcp", &toml("count = 4", ""));
    lab.run(&["apply", "--yes"]).ok();
    // As slow as at Google's, so that the upgrade lasts longer than the apply.
    lab.by_hand("POST", "/sim/settings", Some(json!({"gke_pace": 1.0})));
    let upgrade = json!({"machine_glob": "lab/worker", "effect": "upgrades_pool", "count": 1});
    lab.by_hand("POST", "/sim/faults", Some(upgrade));
    let status = || lab.inventory().0["gcp"]["nodePools"][0]["status"].clone();
    while status() != "RECONCILING" {
        std::thread::yield_now();
    }
    lab.write("infra.toml", &toml("count = 2", ""));
    lab.run(&["plan"]).ok().says("node_pool.worker keeps its");
    lab.by_hand("POST", "/sim/settings", Some(json!({"gke_pace": 20.0})));
    lab.run(&["apply", "--yes"]).expect(8).warns("cannot make node_pool.worker smaller");
    while status() == "RECONCILING" {
        std::thread::yield_now();
    }
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    assert_eq!(lab.inventory().0["gcp"]["instances"].as_array().unwrap().len(), 2);
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn what_gke_leaves_in_the_network_goes_before_the_network() {
    let lab = bare();
    lab.run(&["apply", "--yes"]).ok();
    lab.by_hand("POST", "/sim/settings", Some(json!({"gke_leaves": true})));
    let gone = lab.run(&["destroy", "--yes"]).ok();
    assert!(gone.stderr.contains("kubernetes_neg."), "{gone}");
    // Else the subnet waits for minutes for what is deleted only after it.
    let place = |text: &str| gone.stderr.find(text).unwrap_or_else(|| panic!("{text}: {gone}"));
    assert!(place("looking whether Kubernetes") < place("subnet.main: deleting"), "{gone}");
    lab.inventory().assert_empty();
}

#[test]
fn bounds_leave_the_number_to_the_autoscaler() {
    let lab = Lab::on("gcp", &toml("min = 2\nmax = 6", ""));
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.write("infra.toml", &toml("min = 2\nmax = 8", ""));
    let plan = lab.run(&["plan", "--detailed-exitcode"]).expect(2);
    assert_eq!(plan.changed("~"), ["node_pool.worker"], "{plan}");
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_pool_is_added_changed_in_place_and_deleted() {
    let lab = bare();
    lab.run(&["apply", "--yes"]).ok();
    let batch = "\n[pools.batch]\ncount = 2\nvcpus = 2\nmemory = \"4GiB\"\nspot = true\n";
    lab.write("infra.toml", &toml("count = 2", batch));
    let plan = lab.run(&["plan", "--detailed-exitcode"]).expect(2);
    assert_eq!(plan.changed("+"), ["node_pool.batch", "node_set.batch"], "{plan}");
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    let labelled =
        format!("{batch}labels = {{ work = \"batch\" }}\ntaints = [\"work=batch:NoSchedule\"]\n");
    lab.write("infra.toml", &toml("count = 2", &labelled));
    let plan = lab.run(&["plan", "--detailed-exitcode"]).expect(2);
    assert_eq!(plan.changed("~"), ["node_pool.batch"], "{plan}");
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    // Another machine type recreates all nodes: never in a plain apply.
    let larger = labelled.replace("vcpus = 2", "vcpus = 4").replace("4GiB", "16GiB");
    lab.write("infra.toml", &toml("count = 2", &larger));
    let plan = lab.run(&["plan", "--detailed-exitcode"]).ok();
    assert!(plan.stdout.contains("machine_type"), "{plan}");

    lab.write("infra.toml", &toml("count = 2", ""));
    let plan = lab.run(&["plan", "--detailed-exitcode"]).expect(2);
    assert!(plan.changed("-").contains(&"node_pool.batch".to_owned()), "{plan}");
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
