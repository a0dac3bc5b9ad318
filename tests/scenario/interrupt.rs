//! Ctrl-C.

use super::lab::Config;

#[test]
fn once_stops_in_an_orderly_way_and_the_next_run_goes_on() {
    let lab = Config { control_planes: 1, workers: 1 }.lab();
    let mut run = lab.start(&["apply", "--yes", "--phase", "infra"]);
    assert!(run.until_says("vpc.main: creating"));
    run.interrupt();
    let ran = run.wait().expect(130).warns("stopping: nothing new is started");
    ran.warns("Nothing is lost: run the same command again to resume");
    let cut = lab.inventory();
    assert!(cut.of("droplets").is_empty(), "nothing new was started");
    assert_eq!(cut.of("vpcs").len(), 1, "what was under way is finished");
    let plan = lab.run(&["plan", "--phase", "infra"]).ok();
    assert!(!plan.changed("+").contains(&"vpc.main".to_owned()), "{plan}");

    // And in the middle of a long wait.
    let mut run = lab.start(&["apply", "--yes"]);
    assert!(run.until_says("api_server.main: creating"));
    run.interrupt();
    run.wait().expect(130);
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    assert_eq!(lab.inventory().of("droplets").len(), 2);
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn twice_leaves_at_once_and_nothing_is_lost() {
    let lab = Config { control_planes: 1, workers: 1 }.lab();
    lab.start_cloud();
    lab.fault(&[
        "slow",
        "--api",
        "digitalocean",
        "--method",
        "POST",
        "--path",
        "/v2/vpcs",
        "--delay-ms",
        "3000",
        "--count",
        "1",
    ]);
    let mut run = lab.start(&["apply", "--yes", "--phase", "infra"]);
    assert!(run.until_says("vpc.main: creating"));
    run.interrupt();
    assert!(run.until_says("stopping: nothing new is started"));
    run.interrupt();
    run.wait().expect(130);
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    assert_eq!(lab.inventory().of("vpcs").len(), 1);
    assert_eq!(lab.inventory().of("droplets").len(), 2);
}
