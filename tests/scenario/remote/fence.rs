//! A run that slept past its lease.

use super::{APPLY, BUCKET, PLAN, lab};

#[test]
fn a_paused_run_whose_lock_was_taken_over_does_nothing_more() {
    let lab = lab("lease = \"6s\"\n");
    let mut paused = lab.start(&APPLY);
    assert!(paused.until_says("vpc.main: creating"));
    paused.pause();
    let second = lab.run(&[&APPLY[..], &["--lock-timeout", "2m"]].concat()).ok();
    second.warns("Waiting up to 2m for the lock").warns("Took over the lock of");
    lab.run(&PLAN).ok();
    let (inventory, objects) = (lab.inventory(), lab.objects(BUCKET));
    lab.calls();

    paused.resume();
    let ran = paused.wait().expect(5).warns("the lock was lost");
    ran.warns("Nothing more was started");
    let writes: Vec<(String, u64)> = lab
        .calls()
        .into_iter()
        .filter(|(call, _)| !call.starts_with("GET") && !call.contains("/sim/"))
        .collect();
    assert!(writes.is_empty(), "it still called {writes:?}");
    assert_eq!(lab.inventory(), inventory);
    assert!(lab.objects(BUCKET) == objects, "it still wrote to the bucket");
    lab.run(&PLAN).ok();
}
