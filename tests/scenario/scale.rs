//! Many machines: a plan costs pages, not machines.

use super::lab::{Config, skipped};

/// What the issue of 1,000 droplets is about.
const MANY: usize = 1000;
/// What every test run can bear.
const FEW: usize = 60;

#[test]
fn a_plan_without_changes_makes_few_calls() {
    let machines = match std::env::var("INFRA_SCALE").ok().and_then(|text| text.parse().ok()) {
        Some(machines) => machines,
        None => {
            skipped("1,000 machines (set INFRA_SCALE=1000); 60 instead");
            FEW
        }
    };
    let lab = Config { control_planes: 3, workers: machines - 3 }.lab();
    lab.start_cloud();
    // Nothing here is about what machines do once they run.
    lab.fault(&["boot_fails", "--machine", "*"]);
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    assert_eq!(lab.inventory().of("droplets").len(), machines);
    lab.calls();
    lab.run(&["plan", "--detailed-exitcode", "--phase", "infra"]).ok();
    let mut calls = lab.calls();
    // The machines fetch their files and report meanwhile; a plan reads and writes no object.
    calls.retain(|call, _| !call.ends_with("s3:/{bucket}/{key}"));
    eprintln!("calls of a plan without changes of {machines} droplets: {calls:#?}");
    let made: u64 = calls.values().sum();
    assert!(made <= 12, "{made} calls: {calls:#?}");
    assert!(machines > MANY || calls["GET /v2/droplets"] <= 5, "{calls:#?}");
}
