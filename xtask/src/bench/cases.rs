//! What is measured.

use std::{collections::BTreeMap, path::Path, process::Command, time::Duration};

use infra_test_utils::ClusterToml;

use super::{
    lab::{BenchError, Lab},
    measure::{Measured, measure},
    table::{Row, Scale},
};

/// A request's way there and back.
const LATENCY: &str = "50ms";
/// Clusters that are only there to be planned are made on a clock this much faster.
const FAST: &str = "60";
const UNLIMITED: &str = "1000000";
/// Runs of which the median counts.
const RUNS: usize = 5;
const STARTS: usize = 31;

/// Describes a cluster whose pods have room on ten thousand nodes.
fn cluster() -> ClusterToml {
    ClusterToml::new("bench").pinned().pod_range("100.64.0.0/10")
}

fn workers(count: usize) -> String {
    cluster().workers(count).to_string()
}

/// Sums the calls to the cloud's API, and those to S3. Machines talk to S3, too, so only those
/// count that a plan can make; refusals are calls that were counted already.
fn sums(calls: &BTreeMap<String, u64>) -> (u64, u64) {
    let sum = |api: &str| {
        let of_api = calls.iter().filter(|(call, _)| call.contains(api));
        of_api.map(|(_, count)| count).sum()
    };
    (sum(" /v2/"), sum(" s3:/"))
}

fn median(mut runs: Vec<Measured>) -> Option<Measured> {
    runs.sort_by_key(|run| run.took);
    runs.get(runs.len() / 2).copied()
}

/// Measures `infra --version`.
pub(super) fn startup(infra: &Path) -> Result<Row, BenchError> {
    let mut runs = Vec::new();
    for _ in 0..STARTS {
        let mut command = Command::new(infra);
        command.arg("--version").stdout(std::process::Stdio::null());
        runs.push(measure(&mut command).map_err(|error| BenchError::file(infra, &error))?);
    }
    let took = median(runs).map(|run| run.took).unwrap_or_default();
    Ok(Row::new("start-up (`infra --version`)", took, "-"))
}

/// Makes a cluster of `nodes`, and plans it again with nothing to change.
pub(super) fn plan(infra: &Path, nodes: usize) -> Result<Scale, BenchError> {
    let mut lab = Lab::new(infra, &workers(nodes - 1))?;
    // Plans that follow each other within a minute must not wait for the account's rate limit.
    let limits = ["--requests-minute", UNLIMITED, "--requests-hour", UNLIMITED];
    lab.run(&[&["sim", "start", "--machines", "fast", "--speed", FAST], &limits[..]].concat())?;
    eprintln!("making {nodes} nodes …");
    let applied = lab.infra(&["apply", "--yes", "--phase", "infra"])?;
    eprintln!("  {:.1} s", applied.took.as_secs_f64());
    let journal_bytes = lab.size(".infra/bench/journal");
    lab.run(&["sim", "start", "--speed", "1", "--latency", LATENCY])?;
    let steady = &["plan", "--detailed-exitcode", "--phase", "infra"];
    lab.infra(steady)?;
    lab.calls()?;
    let mut runs = vec![lab.infra(steady)?];
    let (calls, _) = sums(&lab.calls()?);
    for _ in 1..RUNS {
        runs.push(lab.infra(steady)?);
    }
    let memory = runs.iter().map(|run| run.memory).max().unwrap_or(0);
    Ok(Scale {
        nodes,
        apply: applied.took,
        apply_memory: applied.memory,
        journal_bytes,
        plan: median(runs).map(|run| run.took).unwrap_or_default(),
        calls,
        memory,
        cloud_memory: lab.cloud_memory(),
    })
}

/// Makes a cluster of `nodes` that are active two seconds after they were asked for.
pub(super) fn apply(infra: &Path, nodes: usize) -> Result<Row, BenchError> {
    let mut lab = Lab::new(infra, &workers(nodes - 1))?;
    lab.run(&["sim", "start", "--machines", "fast", "--boot-seconds", "2", "--latency", LATENCY])?;
    lab.calls()?;
    let measured = lab.infra(&["apply", "--yes", "--phase", "infra"])?;
    let calls = lab.calls()?;
    let creates = calls.get("POST /v2/droplets").copied().unwrap_or(0);
    let (all, _) = sums(&calls);
    let what = format!("apply of {nodes} nodes that boot in 2 s, with network, PKI and artifacts");
    Ok(Row::new(&what, measured.took, &format!("{all}, {creates} of them create droplets")))
}

/// Measures `creates` calls that can't be put together, on an account with 250 requests a minute.
pub(super) fn rate_limit(infra: &Path, creates: usize) -> Result<Row, BenchError> {
    // Ten times as fast, with the limits passing as fast.
    const SPEED: f64 = 10.0;
    let pools: String = (1..creates)
        .map(|pool| format!("\n[pools.p{pool}]\ncount = 1\ntype = \"s-2vcpu-4gb\"\n"))
        .collect();
    let mut lab = Lab::new(infra, &cluster().without_workers().with(&pools).to_string())?;
    lab.run(&["sim", "start", "--machines", "fast", "--speed", &SPEED.to_string()])?;
    lab.calls()?;
    let measured = lab.infra(&["apply", "--yes", "--phase", "infra"])?;
    let waits = lab.output().lines().filter(|line| line.contains("for the rate limit")).count();
    let calls = lab.calls()?;
    let refused = calls.get("refused: 429").copied().unwrap_or(0);
    let (all, _) = sums(&calls);
    let minutes = (all.saturating_sub(1)) / 250;
    let least = Duration::from_secs(minutes * 60).div_f64(SPEED);
    let what = format!(
        "{creates} create calls on an account of 250 a minute, its clock {SPEED} times as fast; at \
         best {:.1} s",
        least.as_secs_f64()
    );
    let calls = format!("{all}, {refused} refused (429); the wait was reported {waits} times");
    Ok(Row::new(&what, measured.took, &calls))
}
