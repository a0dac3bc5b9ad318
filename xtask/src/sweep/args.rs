//! `cargo xtask sweep`.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use clap::Args;

use super::{
    Bases, Provider, Reference, Scenario, Seed, SweepError, damages, disturbances,
    jobs::{Case, Queue, work},
    lab::Tools,
    losses, reference, sample, scenarios,
};

/// What to sweep.
#[derive(Clone, Debug, Args)]
pub struct SweepArgs {
    /// The cloud that the embedded one stands in for.
    #[arg(long, value_enum, default_value_t)]
    pub provider: Provider,
    /// Only this scenario; may be given several times.
    #[arg(long)]
    pub scenario: Vec<String>,
    /// Only kills.
    #[arg(long, conflicts_with = "faults")]
    pub kills: bool,
    /// Only faults.
    #[arg(long)]
    pub faults: bool,
    /// Only faults whose name holds this.
    #[arg(long, value_name = "TEXT", conflicts_with = "kills")]
    pub fault: Option<String>,
    /// Only points whose name holds this, such as "before GET 56".
    #[arg(long, value_name = "TEXT", conflicts_with = "faults")]
    pub point: Option<String>,
    /// Kills at each point, in turn under each fault of requests, machines and quotas whose name holds
    /// this; the next run meets the same fault.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["faults", "fault"])]
    pub under: Option<String>,
    /// Kills at each point, and loses one of the machines that exist then, before the next run; and loses
    /// every machine of a cluster with three control planes, one after the other.
    #[arg(long, conflicts_with_all = ["kills", "faults", "fault", "under"])]
    pub losses: bool,
    /// Each case so many times.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub times: usize,
    /// Drives the sample, and the clouds.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// So many points of each scenario, instead of all.
    #[arg(long, value_name = "N")]
    pub sample: Option<usize>,
    /// Begin no case after so many minutes; the cases left out are counted.
    #[arg(long, value_name = "N")]
    pub minutes: Option<u64>,
    /// Cases at the same time.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub jobs: u64,
    /// How much faster than real time the clouds' clocks run.
    #[arg(long, default_value_t = 50.0)]
    pub speed: f64,
    /// The binary, instead of building it.
    #[arg(long, value_name = "FILE")]
    pub binary: Option<PathBuf>,
}

/// Sweeps. Whether every promise held.
///
/// # Errors
/// Returns an error if an undisturbed run fails, or the harness itself.
pub fn run(args: &SweepArgs) -> Result<bool, SweepError> {
    let binary = match &args.binary {
        Some(binary) => binary.canonicalize().map_err(SweepError::io(binary))?,
        None => build()?,
    };
    let tools = Tools { binary, speed: args.speed, provider: args.provider };
    let chosen: Vec<Scenario> = scenarios(args.provider)
        .into_iter()
        .filter(|scenario| {
            args.scenario.is_empty() || args.scenario.iter().any(|name| name == scenario.name)
        })
        .collect();
    let only_losses =
        args.losses && args.scenario.iter().any(|name| name == losses(args.provider).name);
    if chosen.is_empty() && !only_losses {
        let names: Vec<&str> =
            scenarios(args.provider).iter().map(|scenario| scenario.name).collect();
        return Err(SweepError::broken(format!("scenarios: {}", names.join(", "))));
    }
    let began = Instant::now();
    let mut bases = Bases::new(tools.clone(), args.seed);
    let queue = cases(args, &mut bases, &chosen)?;
    println!("{} cases, seed {}, {} at the same time\n", queue.len(), args.seed, args.jobs);
    let until = args.minutes.map(|minutes| began + Duration::from_secs(60 * minutes));
    let report = work(bases, &tools, args.seed, args.jobs, queue, until);
    report.print();
    println!("seed {}, {:.0} s", args.seed, began.elapsed().as_secs_f64());
    Ok(report.is_good())
}

/// Makes the queue of cases. Cases that change something come first, in every scenario; reads come
/// last.
fn cases(args: &SweepArgs, bases: &mut Bases, chosen: &[Scenario]) -> Result<Queue, SweepError> {
    let mut seed = Seed::new(args.seed);
    let (mut queue, mut reads) = (Queue::new(), Queue::new());
    for scenario in chosen {
        let reference = reference(bases.get(scenario.before)?, scenario)?;
        println!("{}: {}", scenario.name, reference.counts);
        let case = |case| (*scenario, reference.clone(), case);
        if !args.faults && args.fault.is_none() {
            let (mut points, mut others) = (reference.counts.effects(), reference.counts.reads());
            if let Some(count) = args.sample {
                points.append(&mut others);
                points = sample(&points, count, &mut seed);
            }
            if let Some(text) = &args.point {
                points.append(&mut others);
                points.retain(|point| point.to_string().contains(text.as_str()));
            }
            if let Some(text) = &args.under {
                let chosen = disturbances(args.provider, args.speed).into_iter();
                for under in chosen.filter(|one| one.name.contains(text.as_str())) {
                    let killed = |point| Case::KillUnder(point, under.clone());
                    queue.extend(points.iter().copied().map(killed).map(case));
                    reads.extend(others.iter().copied().map(killed).map(case));
                }
                continue;
            }
            if args.losses {
                let mut lost = |point| case(Case::KillAndLose(point, seed.draw()));
                queue.extend(points.into_iter().map(&mut lost));
                reads.extend(others.into_iter().map(&mut lost));
                continue;
            }
            queue.extend(points.into_iter().map(Case::Kill).map(case));
            reads.extend(others.into_iter().map(Case::Kill).map(case));
        }
        if !args.kills && args.point.is_none() {
            queue.extend(faults(args, &reference, &mut seed).into_iter().map(case));
        }
    }
    if args.losses && (args.scenario.is_empty() || args.scenario.iter().any(|one| one == "losses"))
    {
        let scenario = losses(args.provider);
        let reference = reference(bases.get(scenario.before)?, &scenario)?;
        let machines = scenario.before.machines();
        let count = args.sample.map_or(machines, |count| (count as u64).min(machines));
        let each = |first| (scenario, reference.clone(), Case::LoseEach(first));
        queue.extend((0..count).map(each));
    }
    queue.append(&mut reads);
    let again = queue.iter().flat_map(|case| std::iter::repeat_n(case.clone(), args.times));
    Ok(again.collect())
}

fn faults(args: &SweepArgs, reference: &Reference, seed: &mut Seed) -> Vec<Case> {
    let is_chosen =
        |name: &str| args.fault.as_ref().is_none_or(|text| name.contains(text.as_str()));
    let mut faults: Vec<Case> =
        disturbances(args.provider, args.speed).into_iter().map(Case::Disturb).collect();
    if reference.counts.writes > 0 {
        faults.extend(damages().map(Case::Damage));
    }
    faults.retain(|case| is_chosen(&case.to_string()));
    match args.sample {
        Some(count) => seed.pick(&faults, count),
        None => faults,
    }
}

/// Builds the binary as tests do: with debug assertions.
fn build() -> Result<PathBuf, SweepError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .args(["build", "--quiet", "--package", "infra", "--message-format", "json"])
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(SweepError::io("cargo"))?;
    if !output.status.success() {
        return Err(SweepError::broken("the binary can't be built"));
    }
    // Each artifact is a line; the binary's names its executable.
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "infra")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| SweepError::broken("cargo does not tell where the binary is"))
}
