//! Two runs at once, and stores that can't keep them apart.

use super::{APPLY, BUCKET, PLAN, lab};

#[test]
fn one_works_the_other_hears_who_holds_it_and_waits() {
    let lab = lab("");
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
        "90000",
        "--count",
        "1",
    ]);
    let mut first = lab.start(&APPLY);
    assert!(first.until_says("vpc.main: creating"));
    let refused =
        lab.run(&APPLY).expect(5).warns("the cluster is locked by").warns("(apply) since");
    assert!(refused.stderr.contains("infra state unlock"), "{refused}");
    let listed = lab.run(&["state", "list"]).ok().says("locked by");
    let lock = listed.stdout.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(refused.stderr.contains(&lock), "{refused}");
    lab.run(&["state", "unlock", "000"]).expect(5).warns("is not the lock's id");

    let mut second = lab.start(&[&APPLY[..], &["--lock-timeout", "2m"]].concat());
    assert!(second.until_says("Waiting up to 2m for the lock: held by"));
    assert!(!first.ended());
    first.wait().ok();
    second.wait().ok();
    assert_eq!(lab.inventory().of("droplets").len(), 2);
    lab.run(&PLAN).ok();
}

#[test]
fn the_dead_are_taken_over_at_once_and_what_they_began_goes_on() {
    let lab = lab("");
    let mut first = lab.start(&APPLY);
    assert!(first.until_says("droplet.worker-1: creating"));
    first.kill();
    // The lease would run for a minute; but the process is seen to be gone.
    lab.run(&APPLY).ok().warns("Took over the lock of");
    assert_eq!(lab.inventory().names("droplets"), ["control-plane-1", "worker-1"]);
    lab.run(&PLAN).ok();
}

#[test]
fn a_store_that_ignores_conditions_is_refused() {
    let lab = lab("");
    lab.start_cloud();
    lab.fault(&["ignores_conditions", "--api", "s3"]);
    let refused = lab.run(&APPLY).expect(9);
    assert!(refused.stderr.contains("ignores the conditions of conditional writes"), "{refused}");
    assert!(lab.objects(BUCKET).is_empty(), "nothing is left there");
    assert!(lab.inventory().of("vpcs").is_empty());
    lab.run_bare(&["sim", "fault", "clear"]).ok();
    // Writes that meet each other are tried again.
    lab.fault(&[
        "conflict",
        "--api",
        "s3",
        "--path",
        "/team-state/*",
        "--after",
        "3",
        "--count",
        "3",
    ]);
    lab.run(&APPLY).ok();
    assert!(lab.struck() >= 3);
    lab.run(&PLAN).ok();
}
