//! Much of what a cluster consists of is deleted by hand; one apply brings it back.

use super::lab::{Config, Kubectl, Lab};

const SMALL: Config = Config { control_planes: 1, workers: 3 };

#[track_caller]
fn delete_all(lab: &Lab, kinds: &[(&str, &str)]) {
    for (kind, path) in kinds {
        for one in lab.inventory().of(kind) {
            let id = one["id"].as_str().map_or_else(|| one["id"].to_string(), str::to_owned);
            lab.delete_by_hand(&format!("{path}/{id}"));
        }
        while !lab.inventory().of(kind).is_empty() {
            std::thread::yield_now();
        }
    }
}

#[track_caller]
fn assert_whole(lab: &Lab) {
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    if let Some(kubectl) = Kubectl::of(lab, "lab") {
        let wanted = ["control-plane-1", "worker-1", "worker-2", "worker-3"];
        assert_eq!(kubectl.ready_nodes(), wanted);
    }
}

#[test]
fn machines_and_load_balancer_come_back_with_one_apply() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes"]).ok();
    let machines = ("droplets", "droplets");
    let balancers = ("load_balancers", "load_balancers");

    // The bucket is still there, with the bundles of the machines that are gone.
    delete_all(&lab, &[machines, balancers]);
    lab.run(&["apply", "--yes", "--ready-timeout", "60s"]).ok();
    assert_whole(&lab);

    // The same with the record and all keys lost: what is in the bucket is of another life.
    delete_all(&lab, &[machines, balancers]);
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
    std::fs::remove_dir_all(lab.file("ssl/lab")).unwrap();
    lab.run(&["apply", "--yes", "--ready-timeout", "60s"]).ok();
    assert_whole(&lab);

    // Only the bucket is left of the account.
    delete_all(&lab, &[machines, balancers, ("firewalls", "firewalls"), ("vpcs", "vpcs")]);
    lab.run(&["apply", "--yes", "--ready-timeout", "60s"]).ok();
    assert_whole(&lab);
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn what_fails_alike_is_said_once() {
    let lab = SMALL.lab();
    lab.start_cloud();
    lab.fault(&["403", "--api", "digitalocean", "--method", "POST", "--path", "/v2/vpcs"]);
    let ran = lab.run(&["apply", "--yes"]).expect(8);
    let said = |text: &str| ran.stderr.lines().filter(|line| line.contains(text)).count();
    assert_eq!(said("vpc.main failed"), 1, "{ran}");
    assert!(ran.stderr.contains("steps left out (vpc.main failed)"), "{ran}");

    lab.run_bare(&["sim", "fault", "clear"]).ok();
    lab.fault(&["403", "--api", "digitalocean", "--method", "POST", "--path", "/v2/droplets"]);
    let ran = lab.run(&["apply", "--yes"]).expect(8);
    let errors: Vec<&str> =
        ran.stderr.lines().filter(|line| line.starts_with("error: droplet.")).collect();
    assert_eq!(errors.len(), 1, "{ran}");
    assert!(ran.stderr.contains("the same for 3 more: droplet."), "{ran}");
}
