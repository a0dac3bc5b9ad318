//! Killed and disturbed: some points of some scenarios. All of them: `cargo xtask sweep`.

use std::path::PathBuf;

use xtask::sweep::{Provider, SweepArgs, run};

/// What is done to the runs of a sample.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Kills,
    KillsUnder(&'static str),
    Loses,
}

/// `INFRA_SWEEP_SEED` for another sample.
fn sample(scenarios: &[&str], does: Does, sample: usize) {
    sample_on(Provider::Do, scenarios, does, sample);
}

fn sample_on(provider: Provider, scenarios: &[&str], does: Does, sample: usize) {
    let under = match does {
        Does::KillsUnder(fault) => Some(fault),
        Does::Kills | Does::Loses => None,
    };
    let seed = std::env::var("INFRA_SWEEP_SEED").ok().and_then(|text| text.parse().ok());
    let args = SweepArgs {
        provider,
        scenario: scenarios.iter().map(|name| (*name).to_owned()).collect(),
        kills: does != Does::Loses,
        faults: false,
        losses: does == Does::Loses,
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
    assert!(run(&args).unwrap(), "a promise was broken, or none was tested; seed {}", args.seed);
}

#[test]
fn killed_somewhere_the_next_run_converges() {
    sample(&["first-apply", "artifact-sync", "destroy"], Does::Kills, 2);
}

#[test]
fn killed_while_lists_lag_the_next_run_makes_nothing_twice() {
    sample(&["first-apply"], Does::KillsUnder("lists that lag"), 3);
}

#[test]
fn killed_and_a_machine_lost_the_next_run_converges() {
    sample(&["first-apply", "update", "rotation"], Does::Loses, 1);
}

#[test]
fn whichever_machine_is_lost_the_next_run_makes_the_cluster_whole() {
    sample(&["losses"], Does::Loses, 1);
}

#[test]
fn killed_somewhere_on_gke_the_next_run_converges() {
    sample_on(Provider::Gcp, &["first-apply", "rotation", "destroy"], Does::Kills, 1);
}

#[test]
fn killed_while_gke_works_on_its_own_the_next_run_converges() {
    sample_on(Provider::Gcp, &["update"], Does::KillsUnder("GKE moves"), 1);
}
