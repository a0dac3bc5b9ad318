//! A cloud that limits, fails and drops connections.

use super::lab::Config;

#[test]
fn refusals_and_dropped_connections_converge() {
    let lab = Config { control_planes: 1, workers: 3 }.lab();
    lab.start_cloud();
    lab.fault(&[
        "429",
        "--api",
        "digitalocean",
        "--retry-after-s",
        "1",
        "--after",
        "2",
        "--count",
        "2",
    ]);
    lab.fault(&["500", "--api", "digitalocean", "--method", "GET", "--after", "3", "--count", "2"]);
    lab.fault(&["503", "--api", "s3", "--after", "4", "--count", "3"]);
    // The effect took place, the answer was lost: the worst of all.
    lab.fault(&[
        "reset_after",
        "--api",
        "digitalocean",
        "--method",
        "POST",
        "--path",
        "/v2/droplets",
        "--count",
        "1",
    ]);
    lab.fault(&[
        "reset_after",
        "--api",
        "digitalocean",
        "--method",
        "POST",
        "--path",
        "/v2/vpcs",
        "--count",
        "1",
    ]);
    lab.fault(&[
        "reset_after",
        "--api",
        "digitalocean",
        "--method",
        "POST",
        "--path",
        "/v2/load_balancers",
        "--count",
        "1",
    ]);
    lab.fault(&[
        "500",
        "--api",
        "digitalocean",
        "--method",
        "POST",
        "--path",
        "/v2/firewalls",
        "--count",
        "2",
    ]);

    // Some refusals end a step; then the same command resumes.
    let mut ended = None;
    for _ in 0..4 {
        let ran = lab.run(&["apply", "--yes", "--phase", "infra"]);
        assert!(matches!(ran.code, Some(0 | 1 | 8)), "{ran}");
        ended = ran.code;
        if ended == Some(0) {
            break;
        }
    }
    assert_eq!(ended, Some(0), "four runs were not enough");
    assert!(lab.struck() >= 10, "only {} faults struck", lab.struck());
    let found = lab.inventory();
    let wanted = ["control-plane-1", "worker-1", "worker-2", "worker-3"];
    assert_eq!(found.names("droplets"), wanted, "none twice");
    assert_eq!(found.of("vpcs").len(), 1);
    assert_eq!(found.of("load_balancers").len(), 1);
    assert_eq!(found.of("firewalls").len(), 3);
    lab.run(&["plan", "--detailed-exitcode", "--phase", "infra"]).ok();

    lab.fault(&[
        "reset_after",
        "--api",
        "digitalocean",
        "--method",
        "DELETE",
        "--path",
        "/v2/*",
        "--count",
        "3",
    ]);
    lab.fault(&[
        "429",
        "--api",
        "digitalocean",
        "--method",
        "DELETE",
        "--path",
        "/v2/*",
        "--retry-after-s",
        "1",
        "--count",
        "2",
    ]);
    let mut ran = lab.run(&["destroy", "--yes"]);
    if ran.code != Some(0) {
        ran = lab.run(&["destroy", "--yes"]);
    }
    ran.ok();
    lab.inventory().assert_empty();
}

#[test]
fn every_list_is_read_to_its_last_page() {
    let lab = Config { control_planes: 1, workers: 3 }.lab();
    lab.start_cloud();
    lab.fault(&["small_pages", "--api", "any"]);
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(lab.inventory().of("droplets").len(), 4, "none twice");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    // Without a state each resource is found again in the lists alone.
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
    let plan = lab.run(&["plan"]).ok();
    assert!(plan.changed("+").is_empty(), "{plan}");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
