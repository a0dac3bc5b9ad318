//! The lock of a record on this machine: its lease lasts a minute and is renewed at a third of it.

use super::lab::Config;

#[test]
fn a_run_that_only_looked_says_that_the_lock_was_lost() {
    let lab = Config { control_planes: 1, workers: 1 }.lab();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let before = lab.inventory();
    // Longer than any lease, by the clock on the wall.
    lab.fault(&[
        "slow",
        "--api",
        "digitalocean",
        "--method",
        "GET",
        "--path",
        "/v2/droplets",
        "--delay-ms",
        "3000000",
        "--count",
        "1",
    ]);
    let mut slept = lab.start(&["apply", "--yes", "--phase", "infra"]);
    assert!(slept.until(|| lab.struck() > 0));
    // Meanwhile the lease ran out, and somebody else took the lock.
    let lock = lab.read(".infra/lab/lock");
    let mut lease: serde_json::Value = serde_json::from_str(&lock).unwrap();
    lease["holder"]["pid"] = 1.into();
    lease["acquired_at"] = "2026-01-01T00:00:00Z".into();
    lab.write(".infra/lab/lock", &lease.to_string());
    slept.wait().expect(5).warns("the lock was lost");
    assert_eq!(lab.inventory().ids(), before.ids());
    assert!(lab.read(".infra/lab/lock").contains("2026-01-01"), "it took the other one's away");
}
