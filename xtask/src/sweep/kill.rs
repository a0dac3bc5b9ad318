//! Killed at a point, then run again.

use infra_sim::{Fault, FaultApi, FaultEffect};

use super::{
    Base, Lab, Outcome, Point, Scenario, Shape, SweepError, check, check::shape, cloud::fault,
    command::BECOME,
};

const FAULT_POINT: &str = "INFRA_FAULT_POINT";

/// What an undisturbed run of a scenario does and leaves.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Calls of APIs that the process makes.
    pub calls: u32,
    /// Writes of its journal.
    pub writes: u32,
    /// What exists afterwards.
    pub shape: Shape,
}

/// Runs a scenario undisturbed and counts.
///
/// # Errors
/// It does not succeed.
pub fn reference(base: &Base, scenario: &Scenario) -> Result<Reference, SweepError> {
    let lab = base.copy()?;
    scenario.prepare(&lab)?;
    let count = lab.file("writes.txt");
    let variable = (FAULT_POINT, format!("journal:count:{}", count.display()));
    let held = lab.hold(scenario.words, &[variable], BECOME)?;
    // Lets all calls pass, and counts them.
    let counting = Fault {
        client_pid: Some(held.pid()),
        after: Some(u32::MAX),
        ..fault(FaultApi::Any, FaultEffect::KillClientBefore)
    };
    lab.set_fault(&counting)?;
    let ended = held.go()?;
    if ended.code() != Some(0) {
        return Err(SweepError::broken(format!("undisturbed, it fails\n{}", ended.all())));
    }
    let calls = lab.faults()?.first().map_or(0, |set| set.seen);
    // Without debug assertions, or without any write, there is no such file.
    let writes = std::fs::read_to_string(&count).ok().and_then(|text| text.parse().ok());
    lab.clear_faults()?;
    let shape = shape(&lab, &lab.inventory()?)?;
    check(&lab, scenario, &shape)?;
    Ok(Reference { calls, writes: writes.unwrap_or(0), shape })
}

/// Runs a scenario, kills it at `point`, runs it again to its end, and looks.
///
/// # Errors
/// [`SweepError::Broken`] when a promise is.
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
        lab.must(scenario.words)?;
    }
    check(&lab, scenario, &reference.shape)?;
    Ok(outcome)
}

/// Runs a scenario and kills it at `point`.
pub(super) fn killed(lab: &Lab, scenario: &Scenario, point: Point) -> Result<Outcome, SweepError> {
    let (effect, at) = match point {
        Point::CallBefore(at) => (Some(FaultEffect::KillClientBefore), at),
        Point::CallAfter(at) => (Some(FaultEffect::KillClientAfter), at),
        Point::WriteBefore(at) | Point::WriteTorn(at) | Point::WriteAfter(at) => (None, at),
    };
    let how = match point {
        Point::WriteBefore(_) => "before",
        Point::WriteTorn(_) => "torn",
        Point::WriteAfter(_) => "after",
        Point::CallBefore(_) | Point::CallAfter(_) => "none",
    };
    let variable = (FAULT_POINT, format!("journal:{how}:{at}"));
    let held = lab.hold(scenario.words, &[variable], BECOME)?;
    if let Some(effect) = effect {
        let kill = Fault {
            client_pid: Some(held.pid()),
            after: Some(at.saturating_sub(1)),
            count: Some(1),
            ..fault(FaultApi::Any, effect)
        };
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
