//! Machines are lost: after a kill, and one after the other in a cluster that runs.

use std::time::{Duration, Instant};

use infra_sim::{Fault, FaultEffect};

use super::{
    Base, Lab, Outcome, Point, Provider, Reference, Scenario, Shape, SweepError, check,
    check::{leaves_nothing, look, shape},
    cloud::machine,
    kill::{consoles, killed},
};

/// The way out that a refusal names where the only control plane is lost.
const GIVE_UP: &str = "--confirm-data-loss";

/// Disks in the inventory, and what those of apps are called there.
const DISKS: &str = "volumes";
const DISK: &str = "pvc";
/// The way out that a verb names which can't do its own work before the cluster is whole.
const APPLY: &str = "infra apply";

/// Runs a scenario, kills it at `point`, loses a machine that exists then, runs it again to its end, and
/// looks. A run that refuses must name a way out, which is then taken.
///
/// # Errors
/// Returns [`SweepError::Broken`] if a promise is broken.
pub fn lose_after_kill(
    base: &Base,
    scenario: &Scenario,
    reference: &Reference,
    point: Point,
    which: u64,
) -> Result<Outcome, SweepError> {
    let lab = base.copy()?;
    scenario.prepare(&lab)?;
    let killed = killed(&lab, scenario, point)?;
    let machines = lab.machines()?;
    if machines.is_empty() || killed == Outcome::NotReached {
        return Ok(Outcome::NotMet);
    }
    let (id, name) = &machines[position(which, machines.len())];
    lose(&lab, *id, name)?;
    let told = |error: SweepError| error.with(&format!("{name} was lost\n{}", consoles(&lab)));
    let outcome = converge(&lab, scenario, name).map_err(told)?;
    let wanted = with_kept_disks(&lab, &reference.shape, name)?;
    check(&lab, scenario, &wanted).map_err(told)?;
    Ok(outcome)
}

/// Returns what must exist after `lost` was lost. The disks of apps are kept when the cluster is lost with
/// its only control plane: nobody but the user knows whether what is on them is needed.
fn with_kept_disks(lab: &Lab, wanted: &Shape, lost: &str) -> Result<Shape, SweepError> {
    let mut wanted = wanted.clone();
    if !lost.starts_with("control-plane") {
        return Ok(wanted);
    }
    let found = shape(lab, &lab.inventory()?)?;
    let disks = |shape: &Shape| shape.get(DISKS).and_then(|all| all.get(DISK)).copied();
    if let (Some(found), Some(mine)) = (disks(&found), disks(&wanted))
        && found <= 2 * mine
    {
        wanted.entry(DISKS.to_owned()).or_default().insert(DISK.to_owned(), found);
    }
    Ok(wanted)
}

/// Loses every machine, one after the other from number `first` on; after each the scenario's command
/// makes the cluster whole again.
///
/// # Errors
/// Returns [`SweepError::Broken`] if a promise is broken.
pub fn lose_each(
    base: &Base,
    scenario: &Scenario,
    reference: &Reference,
    first: u64,
) -> Result<Outcome, SweepError> {
    let lab = base.copy()?;
    scenario.prepare(&lab)?;
    lab.must(scenario.words)?;
    let mut names: Vec<String> = lab.machines()?.into_iter().map(|(_, name)| name).collect();
    let by = position(first, names.len());
    names.rotate_left(by);
    for name in names {
        let all = lab.machines()?;
        // GKE may have repaired one under another name.
        let any = all.first().filter(|_| lab.tools.provider == Provider::Gcp);
        let (id, now) = all
            .iter()
            .find(|(_, other)| slot(other) == slot(&name))
            .or(any)
            .ok_or_else(|| SweepError::broken(format!("{name} is not there any more")))?;
        lose(&lab, *id, now)?;
        let told = |error: SweepError| error.with(&format!("{name} was lost\n{}", consoles(&lab)));
        lab.must(scenario.words).map_err(told)?;
        look(&lab, scenario, &reference.shape).map_err(told)?;
    }
    leaves_nothing(&lab)?;
    Ok(Outcome::ByItself)
}

/// Runs the scenario's command to its end, by the way that it names where it refuses.
fn converge(lab: &Lab, scenario: &Scenario, lost: &str) -> Result<Outcome, SweepError> {
    let ended = lab.run(scenario.words)?;
    let Some(code) = ended.code().filter(|code| *code != 0) else { return Ok(Outcome::Killed) };
    let said = ended.complaint();
    if said.is_empty() {
        return Err(SweepError::broken(format!("it ended without a word\n{}", ended.all())));
    }
    let mut repair = vec!["apply", "--yes"];
    if ended.stderr.contains(GIVE_UP) {
        if !lost.starts_with("control-plane") {
            return Err(SweepError::broken(format!("it gives up too much\n{}", ended.all())));
        }
        repair.extend([GIVE_UP, slot(lost)]);
    } else if scenario.words[0] == "apply" || !ended.stderr.contains(APPLY) {
        return Err(SweepError::broken(format!("it names no way out\n{}", ended.all())));
    }
    lab.must(&repair).map_err(|error| error.with(&ended.all()))?;
    if scenario.words[0] != "apply" {
        lab.must(scenario.words)?;
    }
    Ok(Outcome::Refused { code, said })
}

fn position(number: u64, length: usize) -> usize {
    usize::try_from(number % length.max(1) as u64).unwrap_or_default()
}

/// Returns a machine's name without its generation.
fn slot(name: &str) -> &str {
    name.split("-g").next().unwrap_or(name)
}

/// Loses a machine past the program, and waits until it is gone. On GKE one dies; GKE repairs it in time.
fn lose(lab: &Lab, id: u64, name: &str) -> Result<(), SweepError> {
    match lab.tools.provider {
        Provider::Do => lab.cloud(|control| async move { control.delete_machine(id).await })?,
        Provider::Gcp => {
            lab.set_fault(&Fault { count: Some(1), ..machine(name, FaultEffect::Dies) })?;
        }
    }
    let until = Instant::now() + Duration::from_secs(60);
    let is_struck = |lab: &Lab| match lab.tools.provider {
        Provider::Do => Ok(lab.machines()?.iter().all(|(other, _)| *other != id)),
        Provider::Gcp => Ok::<_, SweepError>(lab.faults()?.iter().all(|set| set.fired > 0)),
    };
    while !is_struck(lab)? {
        if Instant::now() > until {
            return Err(SweepError::broken(format!("{name} does not go")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    lab.clear_faults()
}
