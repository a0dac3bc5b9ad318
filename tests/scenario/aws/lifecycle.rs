//! Every scenario closes: apply, empty plan, destroy, empty account.

use super::{
    lab::{AwsLab, Config, DNS, IMAGE, count, more},
    moto::serving,
};
use crate::lab::Lab;

/// Calls of a plan without changes, for any number of machines up to a page's.
const CALLS_MAX: usize = 60;

#[test]
fn from_one_file_to_machines_and_back_to_nothing() {
    let config = Config { more: DNS, ..Config::default() };
    let Some(lab) = AwsLab::of(&config) else { return };
    let before = lab.inventory();
    let ran = lab.infra(&["apply", "--yes"]).ok();
    assert!(
        ran.stderr.contains(&lab.keys.account) || ran.stdout.contains(&lab.keys.account),
        "{ran}"
    );
    let made = lab.inventory();
    for (kind, wanted) in [
        ("vpcId", 1),
        ("subnetId", 3),
        ("instanceId", 3),
        ("balancer", 1),
        ("target_group", 1),
        ("role", 2),
        ("profile", 2),
        ("bucket", 1),
        ("zone", 1),
        ("keyPairId", 1),
    ] {
        assert_eq!(count(&before, &made, kind), wanted, "{kind}: {:?}", more(&before, &made));
    }
    lab.moto.calls(&lab.keys);
    lab.infra(&["plan", "--detailed-exitcode"]).ok().says("No changes");
    let calls = lab.moto.calls(&lab.keys);
    assert!(calls.len() <= CALLS_MAX, "{} calls: {calls:?}", calls.len());

    // A worker more, and one more rule of the firewall.
    let changed = lab.lab.read("infra.toml").replacen("count = 2", "count = 3", 1).replacen(
        "203.0.113.0/24",
        "198.51.100.0/24",
        1,
    );
    lab.lab.write("infra.toml", &changed);
    let plan = lab.infra(&["plan", "--detailed-exitcode"]).expect(2);
    let added = ["handover.worker-3", "instance.worker-3", "node_bundle.worker-3"];
    assert_eq!(plan.changed("+"), added, "{plan}");
    assert_eq!(plan.changed("~"), ["security_group.nodes"], "{plan}");
    lab.infra(&["apply", "--yes"]).ok();
    lab.infra(&["plan", "--detailed-exitcode"]).ok();
    assert_eq!(count(&before, &lab.inventory(), "instanceId"), 4);

    // One is recreated, whole.
    let machines = lab.inventory()["instanceId"].clone();
    lab.infra(&["apply", "--yes", "--replace", "instance.worker-1"]).ok();
    let now = lab.inventory()["instanceId"].clone();
    assert_eq!(machines.difference(&now).count(), 1);
    assert_eq!(now.len(), machines.len());
    lab.infra(&["plan", "--detailed-exitcode"]).ok();

    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
    lab.run(&["destroy", "--yes"]).ok();
}

#[test]
fn stopped_machines_are_started_and_not_replaced() {
    let Some(lab) = AwsLab::of(&Config::default()) else { return };
    let before = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok();
    let machines = lab.inventory()["instanceId"].clone();
    let numbered = machines.iter().zip(1..).map(|(id, number)| format!("InstanceId.{number}={id}"));
    let ids: Vec<String> = numbered.collect();
    lab.ec2(&format!("Action=StopInstances&{}", ids.join("&")));
    let plan = lab.infra(&["plan"]).ok().says("powered_off  true -> false");
    assert!(plan.changed("~").contains(&"instance.control-plane-1".to_owned()), "{plan}");
    assert!(!format!("{plan}").contains("--replace"), "{plan}");
    lab.infra(&["apply", "--yes"]).ok();
    assert_eq!(lab.inventory()["instanceId"], machines);
    lab.infra(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
}

#[test]
fn many_machines_take_few_calls_to_make_and_no_more_to_plan() {
    let Some(lab) = AwsLab::of(&Config { workers: 80, ..Config::default() }) else { return };
    let before = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok();
    let runs = lab.moto.calls(&lab.keys).iter().filter(|call| *call == "ec2 RunInstances").count();
    assert!(runs <= 10, "{runs} calls for 81 machines in three zones");
    assert_eq!(count(&before, &lab.inventory(), "instanceId"), 81);
    lab.moto.calls(&lab.keys);
    lab.infra(&["plan", "--detailed-exitcode"]).ok().says("No changes");
    let calls = lab.moto.calls(&lab.keys);
    assert!(calls.len() <= CALLS_MAX, "{} calls: {calls:?}", calls.len());
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
}

#[test]
fn private_machines_go_out_through_a_gateway() {
    let settings = "private = true\nzones = [\"a\", \"b\"]\ndisk = \"60GiB\"";
    let Some(lab) = AwsLab::of(&Config { settings, ..Config::default() }) else { return };
    let before = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok();
    let made = lab.inventory();
    for (kind, wanted) in [("natGatewayId", 1), ("allocationId", 1), ("subnetId", 4)] {
        assert_eq!(count(&before, &made, kind), wanted, "{kind}");
    }
    lab.infra(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
}

#[test]
fn two_clusters_in_one_account_never_see_each_other() {
    let Some(one) = AwsLab::of(&Config { name: "one", ..Config::default() }) else { return };
    let config = Config { name: "one-more", ..Config::default() };
    let two = AwsLab::in_account(&config, one.keys.clone(), one.moto);
    let before = one.inventory();
    one.infra(&["apply", "--yes"]).ok();
    let first = one.inventory();
    two.infra(&["apply", "--yes"]).ok();
    one.infra(&["plan", "--detailed-exitcode"]).ok();
    two.infra(&["plan", "--detailed-exitcode"]).ok();
    // Also without a record, when all there is to go by is what the cloud says.
    std::fs::remove_dir_all(two.lab.file(".infra/one-more")).unwrap();
    two.run(&["destroy", "--yes"]).ok();
    let left = one.inventory();
    assert_eq!(more(&first, &left), Vec::<String>::new());
    assert_eq!(more(&left, &first), Vec::<String>::new());
    one.infra(&["plan", "--detailed-exitcode"]).ok();
    one.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &one.inventory()), Vec::<String>::new());
}

#[test]
fn the_example_of_the_aws_system() {
    let Some(moto) = serving() else { return };
    let lab = Lab::example("aws-suite");
    let toml = lab.read("infra.toml");
    assert!(toml.contains("image = \"ubuntu-24.04\""), "the vendor's newest");
    lab.write("infra.toml", &toml.replace("\"ubuntu-24.04\"", &format!("\"{IMAGE}\"")));
    let lab = AwsLab::around(lab, moto.account(), moto);
    let before = lab.inventory();
    lab.infra(&["apply", "--env", "acc", "--yes"]).ok();
    lab.infra(&["plan", "--env", "acc", "--detailed-exitcode"]).ok().says("No changes");
    let made = lab.inventory();
    for (kind, wanted) in [("instanceId", 4), ("natGatewayId", 1), ("zone", 1), ("subnetId", 6)] {
        assert_eq!(count(&before, &made, kind), wanted, "{kind}: {:?}", more(&before, &made));
    }
    // The other environment is of the same cluster, and protected.
    lab.infra(&["plan", "--env", "prod", "--detailed-exitcode"]).ok().says("No changes");
    lab.run(&["destroy", "--env", "prod", "--yes"]).expect(7);
    lab.run(&["destroy", "--env", "prod", "--yes", "--confirm", "prod"]).ok();
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
}
