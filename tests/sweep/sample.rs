//! Killed and disturbed: some points of some scenarios. All of them: `cargo xtask sweep`.

use std::path::PathBuf;

use xtask::sweep::{SweepArgs, run};

/// `INFRA_SWEEP_SEED` for another sample.
fn sample(scenarios: &[&str], kills: bool, under: Option<&str>, sample: usize) {
    let seed = std::env::var("INFRA_SWEEP_SEED").ok().and_then(|text| text.parse().ok());
    let args = SweepArgs {
        scenario: scenarios.iter().map(|name| (*name).to_owned()).collect(),
        kills,
        faults: !kills,
        fault: None,
        point: None,
        under: under.map(str::to_owned),
        times: 1,
        seed: seed.unwrap_or(1),
        sample: Some(sample),
        minutes: None,
        jobs: 1,
        // Slow enough that the next run begins while lists still lag behind.
        speed: if under.is_some() { 10.0 } else { 25.0 },
        binary: Some(PathBuf::from(env!("CARGO_BIN_EXE_infra"))),
    };
    assert!(run(&args).unwrap(), "a promise was broken; seed {}", args.seed);
}

#[test]
fn killed_somewhere_the_next_run_converges() {
    sample(&["first-apply", "artifact-sync", "destroy"], true, None, 2);
}

#[test]
fn killed_while_lists_lag_the_next_run_makes_nothing_twice() {
    sample(&["first-apply"], true, Some("lists that lag"), 3);
}
