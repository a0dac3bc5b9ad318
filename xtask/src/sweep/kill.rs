//! Killed at a point, then run again.

use infra_sim::{Fault, FaultApi, FaultEffect};

use super::{
    Base, Counts, Disturbance, Lab, Outcome, Point, Scenario, Shape, SweepError, check,
    check::{at_rest, rested},
    cloud::fault,
    command::{BECOME, Held},
    faults,
};

const FAULT_POINT: &str = "INFRA_FAULT_POINT";

/// What an undisturbed run of a scenario does and leaves.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Its calls and its journal's writes.
    pub counts: Counts,
    /// What exists afterwards.
    pub shape: Shape,
}

/// Runs a scenario undisturbed and counts.
///
/// # Errors
/// Returns an error if it does not succeed.
pub fn reference(base: &Base, scenario: &Scenario) -> Result<Reference, SweepError> {
    let lab = base.copy()?;
    scenario.prepare(&lab)?;
    let count = lab.file("writes.txt");
    let variable = (FAULT_POINT, format!("journal:count:{}", count.display()));
    let held = lab.hold(scenario.words, &[variable], BECOME)?;
    // Let all calls pass, and count them.
    for method in Counts::methods() {
        lab.set_fault(&Fault {
            client_pid: Some(held.pid()),
            method: Some(method.to_owned()),
            after: Some(u32::MAX),
            ..fault(FaultApi::Any, FaultEffect::KillClientBefore)
        })?;
    }
    let ended = held.go()?;
    if ended.code() != Some(0) {
        return Err(SweepError::broken(format!("undisturbed, it fails\n{}", ended.all())));
    }
    let calls = Counts::methods().zip(lab.faults()?).map(|(method, set)| (method, set.seen));
    let calls = calls.collect();
    // Without debug assertions, or without any write, there is no such file.
    let writes = std::fs::read_to_string(&count).ok().and_then(|text| text.parse().ok());
    lab.clear_faults()?;
    let shape = at_rest(&lab)?;
    check(&lab, scenario, &shape)?;
    Ok(Reference { counts: Counts { calls, writes: writes.unwrap_or(0) }, shape })
}

/// Runs a scenario, kills it at `point`, runs it again to its end, and looks.
///
/// # Errors
/// Returns [`SweepError::Broken`] if a promise is broken.
pub fn kill_at(
    base: &Base,
    scenario: &Scenario,
    reference: &Reference,
    point: Point,
) -> Result<Outcome, SweepError> {
    let lab = base.copy()?;
    scenario.prepare(&lab)?;
    let outcome = killed(&lab, scenario, point)?;
    if outcome == Outcome::Killed {
        lab.must(&lab.next_words(scenario.words)?).map_err(|error| error.with(&consoles(&lab)))?;
    }
    check(&lab, scenario, &reference.shape)?;
    Ok(outcome)
}

/// Runs a scenario under a disturbance, kills it at `point`, runs it again under the same
/// disturbance, then in peace, and looks.
///
/// # Errors
/// Returns [`SweepError::Broken`] if a promise is broken.
pub fn kill_under(
    base: &Base,
    scenario: &Scenario,
    reference: &Reference,
    point: Point,
    disturbance: &Disturbance,
) -> Result<Outcome, SweepError> {
    let lab = base.copy()?;
    scenario.prepare(&lab)?;
    let limits = lab.limits()?;
    if let Some(limit) = disturbance.limit {
        lab.set_limits(&limit(&limits, lab.machines()?.len()))?;
    }
    let words = faults::words(scenario, disturbance);
    let (held, at) = held(&lab, &words, point)?;
    faults::everything(&lab, &held, disturbance)?;
    if let Some(kill) = at {
        lab.set_fault(&kill)?;
    }
    let ended = held.go()?;
    lab.clear_faults()?;
    let outcome = if ended.is_killed() { Outcome::Killed } else { faults::judged(&ended, true)? };
    // At once: what the first run made is not a moment old.
    let held = lab.hold(&words, &[], BECOME)?;
    faults::everything(&lab, &held, disturbance)?;
    let again = faults::judged(&held.go()?, true)?;
    lab.clear_faults()?;
    lab.set_limits(&limits)?;
    if let Outcome::Refused { .. } = again {
        if !disturbance.machines.is_empty() {
            faults::remake(&lab)?;
        }
        rested(&lab)?;
        lab.must(&lab.next_words(scenario.words)?).map_err(|error| error.with(&consoles(&lab)))?;
    }
    check(&lab, scenario, &reference.shape)?;
    Ok(outcome)
}

/// Returns the ends of the machines' consoles: they show what a run waits for.
pub(super) fn consoles(lab: &Lab) -> String {
    const LINES: usize = 12;
    let folders = std::fs::read_dir(lab.file(".infra/sim/machines")).into_iter().flatten();
    let of = |folder: std::fs::DirEntry| {
        let text = std::fs::read_to_string(folder.path().join("console.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
        format!("--- machine {}\n{last}\n", folder.file_name().to_string_lossy())
    };
    folders.flatten().map(of).collect()
}

/// Starts a command and holds it. Returns the fault that will kill it at `point`, where it is a
/// call.
fn held(lab: &Lab, words: &[&str], point: Point) -> Result<(Held, Option<Fault>), SweepError> {
    let (call, how, at) = match point {
        Point::CallBefore(method, at) => {
            (Some((method, FaultEffect::KillClientBefore)), "none", at)
        }
        Point::CallAfter(method, at) => (Some((method, FaultEffect::KillClientAfter)), "none", at),
        Point::WriteBefore(at) => (None, "before", at),
        Point::WriteTorn(at) => (None, "torn", at),
        Point::WriteAfter(at) => (None, "after", at),
    };
    let variable = (FAULT_POINT, format!("journal:{how}:{at}"));
    let held = lab.hold(words, &[variable], BECOME)?;
    let kill = call.map(|(method, effect)| Fault {
        client_pid: Some(held.pid()),
        method: Some(method.to_owned()),
        after: Some(at.saturating_sub(1)),
        count: Some(1),
        ..fault(FaultApi::Any, effect)
    });
    Ok((held, kill))
}

/// Runs a scenario and kills it at `point`.
pub(super) fn killed(lab: &Lab, scenario: &Scenario, point: Point) -> Result<Outcome, SweepError> {
    let (held, kill) = held(lab, scenario.words, point)?;
    if let Some(kill) = kill {
        lab.set_fault(&kill)?;
    }
    let ended = held.go()?;
    lab.clear_faults()?;
    if ended.is_killed() {
        return Ok(Outcome::Killed);
    }
    if ended.code() == Some(0) {
        return Ok(Outcome::NotReached);
    }
    Err(SweepError::broken(format!("it ended before it was killed\n{}", ended.all())))
}
