//! A pool of the next generation takes the place of a pool: what can't be changed in place is changed so.

use serde_json::json;

use super::{rotate::nodes_of, toml, with_apps};
use crate::lab::{Kubectl, Lab, Ran};

/// The pool and the type of each machine that exists.
fn machines(lab: &Lab) -> Vec<(String, String)> {
    let inventory = lab.inventory();
    let machines = inventory.0["gcp"]["instances"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    machines.iter().map(|one| (text(&one["pool"]), text(&one["machine_type"]))).collect()
}

fn larger(text: &str) -> String {
    let larger =
        text.replace("vcpus = 2", "vcpus = 4").replace("memory = \"4GiB\"", "memory = \"16GiB\"");
    assert_ne!(larger, text);
    larger
}

fn nodes(lab: &Lab) -> Vec<String> {
    nodes_of(&lab.run(&["status", "--json"]).ok().stdout)
}

#[test]
fn a_pool_takes_up_another_machine_type_by_one_beside_it_even_if_killed() {
    let lab = with_apps();
    lab.run(&["apply", "--yes"]).ok();
    lab.write("infra.toml", &larger(&lab.read("infra.toml")));
    let plan = lab.run(&["plan", "--detailed-exitcode"]).ok();
    plan.says("machine_type changed; taken up by `infra rotate-node --pool worker`");

    let words = ["rotate-node", "--pool", "worker", "--yes"];
    lab.run(&["rotate-node", "--pool", "wroker", "--yes"])
        .expect(3)
        .warns("did you mean `worker`?");
    lab.run(&["rotate-node", "--pool", "worker", "worker-1", "--yes"]).expect(64);
    // The plan is shown before the question, and without an answer nothing has begun.
    let asked = lab.run(&["rotate-node", "--pool", "worker"]).expect(7);
    assert_eq!(asked.changed("+"), ["node_pool.worker-g2", "node_set.worker-g2"], "{asked}");
    assert_eq!(asked.changed("-"), ["node_pool.worker", "node_set.worker"], "{asked}");
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    let moments = [
        "node_pool.worker-g2: PROVISIONING",
        "node_set.worker: deleting",
        "node_pool.worker: deleting",
    ];
    for moment in moments {
        let mut run = lab.start(&words);
        assert!(run.until_says(moment), "{moment}: {}", run.wait());
        run.kill();
        let plan = lab.run(&["plan"]).ok();
        assert_eq!(plan.changed("~"), Vec::<String>::new(), "{plan}");
    }
    lab.run(&words).ok().says("The pool worker is now worker-g2.");
    let new = ("worker-g2".to_owned(), "e2-standard-4".to_owned());
    assert_eq!(machines(&lab), [new.clone(), new]);
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    if let Some(kubectl) = Kubectl::of(&lab, "lab") {
        assert_eq!(kubectl.ready_nodes().len(), 2);
        assert_eq!(kubectl.broken_pods("shop"), Vec::<Vec<String>>::new());
    }

    // What follows is about the pool that is there now: a node, a number, the next generation.
    let old = nodes(&lab)[0].clone();
    lab.run(&["rotate-node", &old, "--yes"]).ok();
    lab.write("infra.toml", &lab.read("infra.toml").replace("count = 2", "count = 4"));
    assert_eq!(lab.run(&["apply", "--yes"]).ok().changed("~")[0], "node_pool.worker-g2");
    lab.run(&words).ok().says("worker-g3");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn apply_finishes_the_rotation_of_a_pool_that_was_killed() {
    let lab = Lab::on("gcp", &toml("count = 2", ""));
    lab.run(&["apply", "--yes"]).ok();
    lab.write("infra.toml", &larger(&lab.read("infra.toml")));
    let mut run = lab.start(&["rotate-node", "--pool", "worker", "--yes"]);
    assert!(run.until_says("node_pool.worker-g2: creating"), "{}", run.wait());
    run.kill();
    lab.run(&["apply", "--yes"]).ok();
    assert!(machines(&lab).iter().all(|(pool, _)| pool == "worker-g2"), "{:?}", machines(&lab));
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    // It has ended: the next one is a new one.
    lab.run(&["rotate-node", "--pool", "worker", "--yes"]).ok().says("Rotating the pool");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_pool_of_the_autoscaler_begins_as_large_as_the_one_before_it() {
    let lab = Lab::on("gcp", &toml("min = 2\nmax = 6", ""));
    lab.run(&["apply", "--yes"]).ok();
    let grows = json!({"machine_glob": "lab/worker", "effect": "scales_up", "count": 2});
    lab.by_hand("POST", "/sim/faults", Some(grows));
    while nodes(&lab).len() < 4 {
        std::thread::yield_now();
    }
    lab.write("infra.toml", &larger(&lab.read("infra.toml")));
    let run: Ran = lab.run(&["rotate-node", "--pool", "worker", "--yes"]).ok();
    run.says("node_set.worker-g2  nodes 4");
    // To the autoscaler, a pool whose nodes are cordoned is one that needs more nodes.
    assert!(lab.calls().keys().any(|call| call.ends_with(":setAutoscaling")), "{:?}", lab.calls());
    assert_eq!(nodes(&lab).len(), 4);
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_pool_that_is_no_longer_wanted_is_drained_before_it_goes() {
    let batch = "\n[pools.batch]\ncount = 2\nvcpus = 2\nmemory = \"4GiB\"\n";
    let lab = Lab::on("gcp", &toml("count = 2", batch));
    lab.run(&["apply", "--yes"]).ok();
    lab.write("infra.toml", &toml("count = 2", ""));
    let gone = lab.run(&["apply", "--yes"]).ok();
    let place = |text: &str| gone.stderr.find(text).unwrap_or_else(|| panic!("{text}: {gone}"));
    assert!(place("2 of 2 Nodes are drained") < place("node_pool.batch: deleting"), "{gone}");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
