//! Control planes come and go, and etcd keeps its majority.

use std::time::{Duration, Instant};

use super::lab::{Config, Kubectl, Lab};

const THREE: Config = Config { control_planes: 3, workers: 1 };
const ONE: Config = Config { control_planes: 1, workers: 1 };

/// Makes an object that is gone if etcd's data is.
fn keep_something(kubectl: Option<&Kubectl>) {
    if let Some(kubectl) = kubectl {
        kubectl.run(&["create", "namespace", "keepme"]).ok();
    }
}

#[track_caller]
fn assert_kept(kubectl: Option<&Kubectl>) {
    if let Some(kubectl) = kubectl {
        kubectl.run(&["get", "namespace", "keepme"]).ok();
    }
}

/// How many members etcd has, how many run, and how many losses the cluster survives.
#[track_caller]
fn quorum(lab: &Lab) -> (u64, u64, u64) {
    let ran = lab.run(&["status", "--json"]).ok();
    let status: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let count = |name: &str| status["quorum"][name].as_u64().unwrap();
    (count("members"), count("running"), count("survives"))
}

#[test]
fn control_planes_leave_etcd_before_their_machines_go() {
    let lab = THREE.lab();
    lab.run(&["apply", "--yes"]).ok().says("survives the loss of 1 control plane");
    let kubectl = Kubectl::of(&lab, "lab");
    keep_something(kubectl.as_ref());
    assert_eq!(quorum(&lab), (3, 3, 1));

    // More than one at a time is refused, however it is asked for, and nothing is done.
    let before = lab.inventory();
    let two = ["--replace", "droplet.control-plane-2", "--replace", "droplet.control-plane-3"];
    for verb in [&["plan"][..], &["apply", "--yes"]] {
        let words = [verb, &two].concat();
        lab.run(&words).expect(3).warns("more than one control plane");
    }
    lab.run(&["plan", "--destroy", "--target", "droplet.control-plane-2"])
        .expect(3)
        .warns("control-plane-2");
    lab.write("infra.toml", &THREE.toml().replace("fra1", "ams3"));
    lab.run(&["apply", "--yes"]).expect(3).warns("every control plane");
    lab.write("infra.toml", &THREE.toml());
    assert_eq!(lab.inventory().ids(), before.ids());

    // One that runs may be replaced.
    lab.run(&["apply", "--yes", "--replace", "droplet.control-plane-3"]).ok();
    assert_eq!(quorum(&lab), (3, 3, 1));
    assert_kept(kubectl.as_ref());

    // Fewer, and more again.
    lab.write("infra.toml", &ONE.toml());
    lab.run(&["plan"]).ok().says("etcd_member.control-plane-3");
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(lab.inventory().names("droplets"), ["control-plane-1", "worker-1"]);
    assert_eq!(quorum(&lab), (1, 1, 0));
    assert_kept(kubectl.as_ref());
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.write("infra.toml", &THREE.toml());
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(quorum(&lab), (3, 3, 1));
    assert_kept(kubectl.as_ref());
}

#[test]
fn a_lost_control_plane_leaves_etcd_before_the_new_one_joins() {
    let lab = THREE.lab();
    lab.run(&["apply", "--yes"]).ok();
    let kubectl = Kubectl::of(&lab, "lab");
    keep_something(kubectl.as_ref());

    // One after the other is lost, and each time the cluster is whole again.
    for name in ["control-plane-2", "control-plane-1"] {
        lab.delete_machine(name);
        assert_eq!(quorum(&lab), (3, 2, 0), "{name}");
        let plan = lab.run(&["plan"]).ok().says("no loss of a control plane");
        assert!(plan.changed("-/+").contains(&format!("etcd_member.{name}")), "{plan}");
        lab.run(&["apply", "--yes"]).ok();
        assert_eq!(quorum(&lab), (3, 3, 1), "etcd has no dead member: {name}");
        assert_kept(kubectl.as_ref());
        lab.run(&["plan", "--detailed-exitcode"]).ok();
    }

    // Two at once are too many: nobody says that all is well.
    lab.delete_machine("control-plane-2");
    lab.delete_machine("control-plane-3");
    for words in [&["plan"][..], &["apply", "--yes"]] {
        let ran = lab.run(words).expect(3).warns("quorum is lost").warns("control-plane-1");
        assert!(!ran.stdout.contains("No changes"), "{ran}");
    }
    lab.run(&["status"]).ok().says("quorum is lost");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_member_that_does_not_answer_does_not_count() {
    let lab = THREE.lab();
    lab.run(&["apply", "--yes"]).ok();
    // Its machine runs, and its API server answers.
    lab.fault(&["etcd_hangs", "--machine", "control-plane-2"]);
    assert_eq!(quorum(&lab), (3, 2, 0));
    let silent = "its etcd does not answer: no answer within 5 s";
    lab.run(&["plan"]).ok().says(silent).says("survives no loss of a control plane");
    let words = ["apply", "--yes", "--replace", "droplet.control-plane-3"];
    let refused = lab.run(&words).expect(3).warns("while control-plane-2 does not run");
    refused.warns("is replaced itself (--replace)");
    lab.run(&["plan", "--replace", "droplet.control-plane-2"]).ok();
    // What has nothing to do with it is done, and that it is ill is no success.
    lab.write("infra.toml", &Config { workers: 2, ..THREE }.toml());
    for made in [1, 0] {
        let ran = lab.run(&["apply", "--yes", "--ready-timeout", "40s"]).expect(8);
        let ran = ran.warns("etcd_member.control-plane-2: ").says(silent);
        let ran = ran.warns("not ready again after 40 s");
        assert!(ran.stderr.contains("1 step failed, 0 left out"), "{ran}");
        assert_eq!(ran.changed("+").contains(&"droplet.worker-2".to_owned()), made == 1, "{ran}");
    }
    let joined = lab.run(&["plan"]).ok();
    assert_eq!(joined.changed(">"), ["etcd_member.control-plane-2"], "{joined}");
    // Two of three are no majority: the API server has nothing to answer with.
    lab.fault(&["etcd_hangs", "--machine", "control-plane-3"]);
    let until = Instant::now() + Duration::from_secs(30);
    while lab.run(&["plan", "--replace", "droplet.control-plane-2"]).code == Some(0) {
        assert!(Instant::now() < until, "a plan goes on without a quorum");
    }
    lab.run_bare(&["sim", "fault", "clear"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    assert_eq!(quorum(&lab), (3, 3, 1));
}

#[test]
fn workers_are_recreated_with_a_cluster_whose_data_is_gone() {
    let lab = ONE.lab();
    lab.run(&["apply", "--yes"]).ok();
    let worker = lab.machine_id("worker-1");
    lab.delete_machine("control-plane-1");
    let plan = lab.run(&["plan"]).ok().says("this makes a new, empty cluster");
    // Its kubelet registered with the old cluster, and never does so again.
    assert!(plan.changed("-/+").contains(&"droplet.worker-1".to_owned()), "{plan}");
    lab.run(&["apply", "--yes"]).ok();
    assert_ne!(lab.machine_id("worker-1"), worker);
    if let Some(kubectl) = Kubectl::of(&lab, "lab") {
        assert_eq!(kubectl.ready_nodes(), ["control-plane-1", "worker-1"]);
    }
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn workers_of_the_cluster_before_are_gone_before_the_next_one_is_made() {
    let lab = ONE.lab();
    lab.run(&["apply", "--yes"]).ok();
    let worker = lab.machine_id("worker-1");
    lab.delete_machine("control-plane-1");
    // A plan of the control plane alone includes the worker that would wait for a cluster that is gone.
    let target = ["--target", "droplet.control-plane-1"];
    let plan = lab.run(&[&["plan"][..], &target].concat()).ok();
    assert!(plan.changed("-/+").contains(&"droplet.worker-1".to_owned()), "{plan}");
    // Nobody can delete a Node from a cluster that is gone.
    assert!(!plan.changed("-").iter().any(|one| one.starts_with("node.")), "{plan}");
    let plan = lab.run(&["plan", "--phase", "infra"]).ok();
    assert!(!plan.changed("-").iter().any(|one| one.starts_with("node.")), "{plan}");
    // Killed as soon as the next control plane is there: nobody could tell later.
    let mut run = lab.start(&[&["apply", "--yes"][..], &target].concat());
    assert!(run.until_says("droplet.control-plane-1: created"), "{}", run.wait());
    run.kill();
    assert_ne!(lab.machine_id("worker-1"), worker, "it is gone before");
    lab.run(&["apply", "--yes"]).ok();
    if let Some(kubectl) = Kubectl::of(&lab, "lab") {
        assert_eq!(kubectl.ready_nodes(), ["control-plane-1", "worker-1"]);
    }
    lab.run(&["plan", "--detailed-exitcode"]).ok();
}

#[test]
fn a_renamed_pool_of_control_planes_keeps_etcd_s_data() {
    let lab = ONE.lab();
    lab.run(&["apply", "--yes"]).ok();
    let before = lab.inventory();
    let named = "[pools.masters]\nrole = \"control-plane\"";
    let renamed = ONE.toml().replace("[pools.control-plane]", named);
    assert_ne!(renamed, ONE.toml());
    lab.write("infra.toml", &renamed);
    lab.run(&["plan"]).expect(3).warns("control-plane-1").warns("--confirm-data-loss");
    lab.run(&["apply", "--yes"]).expect(3);
    assert_eq!(lab.inventory().ids(), before.ids());
}

#[test]
fn the_only_control_plane_is_switched_on_and_never_thrown_away() {
    let lab = ONE.lab();
    lab.run(&["apply", "--yes"]).ok();
    let kubectl = Kubectl::of(&lab, "lab");
    keep_something(kubectl.as_ref());
    let before = lab.inventory().ids_of("droplets");

    let replaced = ["--replace", "droplet.control-plane-1"];
    lab.run(&[&["apply", "--yes"][..], &replaced].concat())
        .expect(3)
        .warns("the only control plane")
        .warns("--confirm-data-loss control-plane-1");

    lab.power_off("control-plane-1");
    lab.run(&["status"]).ok().says("it is powered off; `infra apply` switches it on");
    let plan = lab.run(&["plan"]).ok().says("powered_off");
    assert!(!format!("{plan}").contains("--replace"), "{plan}");
    assert!(plan.changed("~").contains(&"droplet.control-plane-1".to_owned()), "{plan}");
    lab.run(&[&["plan"][..], &replaced].concat()).expect(3).warns("only switched off");
    let begun = Instant::now();
    lab.run(&["apply", "--yes"]).ok();
    assert!(begun.elapsed() < Duration::from_secs(100), "it waited for {:?}", begun.elapsed());
    assert_eq!(lab.inventory().ids_of("droplets"), before);
    lab.run(&["plan", "--detailed-exitcode"]).ok().says("No changes");
    assert_kept(kubectl.as_ref());

    // A worker that is off is switched on, too.
    lab.power_off("worker-1");
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(lab.inventory().ids_of("droplets"), before);
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn workers_do_not_become_control_planes() {
    let extra = |role: &str| {
        format!("{}\n[pools.extra]\ncount = 2\ntype = \"s-2vcpu-4gb\"\n{role}", ONE.toml())
    };
    let lab = Lab::with(&extra(""));
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let tags = |lab: &Lab| {
        let inventory = lab.inventory();
        let tags = |one: &serde_json::Value| (one["id"].clone(), one["tags"].clone());
        inventory.of("droplets").iter().map(tags).collect::<Vec<_>>()
    };
    let before = tags(&lab);
    lab.write("infra.toml", &extra("role = \"control-plane\"\n"));
    for words in [&["plan"][..], &["apply", "--yes"]] {
        let ran = lab.run(words).expect(3).warns("pool `extra` can't become a control-plane pool");
        assert!(ran.stderr.contains("infra.toml:"), "{ran}");
    }
    assert_eq!(tags(&lab), before, "not even a tag has changed");
    lab.run(&["destroy", "--yes"]).ok();
}
