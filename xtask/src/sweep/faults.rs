//! Disturbed, then run again in peace.

use infra_sim::Fault;

use super::{
    Base, Disturbance, Lab, Outcome, Reference, Scenario, SweepError, check,
    check::rested,
    command::{BECOME, Ended, Held},
};

/// Runs a scenario under a disturbance: it converges, or ends with a clear error; then it runs
/// again in peace, and is looked at.
///
/// # Errors
/// Returns [`SweepError::Broken`] if a promise is broken: a panic, a hang, an error without words, no
/// convergence.
pub fn disturb(
    base: &Base,
    scenario: &Scenario,
    reference: &Reference,
    disturbance: &Disturbance,
) -> Result<Outcome, SweepError> {
    let lab = base.copy()?;
    scenario.prepare(&lab)?;
    let limits = lab.limits()?;
    let machines = lab.machines()?.len();
    let mut limit = disturbance.limit.map(|limit| limit(&limits, machines));
    let journal_length = || std::fs::metadata(lab.journal()).map_or(0, |file| file.len());
    let begun = journal_length();
    // Reached in the middle: once something is written, the plan has been made and checked.
    let mut watch = || {
        if limit.is_some() && journal_length() > begun {
            return limit.take().map_or(Ok(()), |limit| lab.set_limits(&limit));
        }
        Ok(())
    };
    let held = lab.hold(&words(scenario, disturbance), &[], BECOME)?;
    everything(&lab, &held, disturbance)?;
    let ended = held.go_watched(&mut watch)?;
    let struck: u32 = lab.faults()?.iter().map(|set| set.fired).sum();
    lab.clear_faults()?;
    lab.set_limits(&limits)?;
    let outcome = judged(&ended, struck > 0 || disturbance.limit.is_some())?;
    if let Outcome::Refused { .. } = outcome {
        if !disturbance.machines.is_empty() {
            remake(&lab)?;
        }
        rested(&lab)?;
        lab.must(&lab.next_words(scenario.words)?)?;
    }
    check(&lab, scenario, &reference.shape)?;
    Ok(outcome)
}

/// Returns a scenario's command; it waits shortly for what never comes.
pub(super) fn words(scenario: &Scenario, disturbance: &Disturbance) -> Vec<&'static str> {
    let mut words = scenario.words.to_vec();
    if disturbance.never && words[0] != "artifacts" {
        words.extend(["--ready-timeout", "15s"]);
    }
    words
}

/// Sets a disturbance's faults of machines, and those of requests for a run that is held.
pub(super) fn everything(
    lab: &Lab,
    held: &Held,
    disturbance: &Disturbance,
) -> Result<(), SweepError> {
    for fault in &disturbance.requests {
        lab.set_fault(&Fault { client_pid: Some(held.pid()), ..fault.clone() })?;
    }
    for fault in &disturbance.machines {
        lab.set_fault(fault)?;
    }
    Ok(())
}

/// Decides what the disturbed run's end means.
pub(super) fn judged(ended: &Ended, met: bool) -> Result<Outcome, SweepError> {
    match ended.code() {
        Some(0) if met => Ok(Outcome::ByItself),
        Some(0) => Ok(Outcome::NotMet),
        Some(code) if !ended.complaint().is_empty() => {
            Ok(Outcome::Refused { code, said: ended.complaint() })
        }
        _ => Err(SweepError::broken(format!("it ended without a word\n{}", ended.all()))),
    }
}

/// Replaces a machine that failed; GKE replaces its own. The program never replaces one unasked: its error says how to
/// ask for it, and this function does so.
pub(super) fn remake(lab: &Lab) -> Result<(), SweepError> {
    let droplets = lab.inventory()?.droplets;
    let names = droplets.iter().filter_map(|droplet| droplet["name"].as_str());
    // It is the first slot's that was made; of two generations, the newer one.
    if let Some(worker) = names.filter(|name| name.starts_with("worker-1")).max() {
        lab.must(&["apply", "--yes", "--replace", &format!("droplet.{worker}")])?;
    }
    Ok(())
}
