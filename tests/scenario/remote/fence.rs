//! A run that slept past its lease.

use super::{APPLY, BUCKET, PLAN, lab};

#[test]
fn a_paused_run_whose_lock_was_taken_over_does_nothing_more() {
    let lab = lab("lease = \"6s\"\n");
    lab.start_cloud();
    // Long enough to be paused while it waits for its machines, and nothing else.
    lab.run_bare(&["sim", "settings", "--machines", "fast", "--boot-seconds", "300"]).ok();
    let mut paused = lab.start(&APPLY);
    assert!(paused.until(|| lab.inventory().of("droplets").len() == 2));
    assert!(paused.until(|| lab.calls().keys().all(|call| !call.contains("POST /v2/"))));
    paused.pause();
    lab.run_bare(&["sim", "settings", "--boot-seconds", "1"]).ok();
    let second = lab.run(&[&APPLY[..], &["--lock-timeout", "2m"]].concat()).ok();
    second.warns("Waiting up to 2m for the lock").warns("Took over the lock of");
    lab.run(&PLAN).ok();
    let (ids, objects) = (lab.inventory().ids(), lab.objects(BUCKET));
    lab.calls();

    paused.resume();
    let ran = paused.wait().expect(5).warns("the lock was lost");
    ran.warns("Nothing more was started");
    let writes: Vec<(String, u64)> = lab
        .calls()
        .into_iter()
        .filter(|(call, _)| call.contains("/v2/") && !call.starts_with("GET"))
        .collect();
    assert!(writes.is_empty(), "it still called {writes:?}");
    assert_eq!(lab.inventory().ids(), ids);
    assert!(lab.objects(BUCKET) == objects, "it still wrote to the bucket");
    lab.run(&PLAN).ok();
}

#[test]
fn a_paused_run_that_only_looked_says_that_the_lock_was_lost() {
    let lab = lab("lease = \"6s\"\n");
    lab.run(&APPLY).ok();
    lab.fault(&[
        "slow",
        "--api",
        "digitalocean",
        "--method",
        "GET",
        "--path",
        "/v2/droplets",
        "--delay-ms",
        "600000",
        "--count",
        "1",
    ]);
    let mut paused = lab.start(&APPLY);
    assert!(paused.until(|| lab.struck() > 0));
    paused.pause();
    lab.run(&[&APPLY[..], &["--lock-timeout", "2m"]].concat()).ok();
    let (ids, objects) = (lab.inventory().ids(), lab.objects(BUCKET));
    paused.resume();
    paused.wait().expect(5).warns("the lock was lost");
    assert_eq!(lab.inventory().ids(), ids);
    assert!(lab.objects(BUCKET) == objects, "it still wrote to the bucket");
}
