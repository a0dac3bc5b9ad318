//! Cases side by side: each worker has prepared folders and addresses of its own.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use super::{
    Bases, Damage, Disturbance, Outcome, Point, Reference, Report, Scenario, SweepError, disturb,
    kill_at, kill_under, lab::Tools, lose_after_kill, lose_each,
};

/// What is done to a scenario.
#[derive(Clone, Debug)]
pub(super) enum Case {
    Kill(Point),
    KillUnder(Point, Disturbance),
    Disturb(Disturbance),
    Damage(Damage),
    /// Killed, then a machine is lost; the number chooses which.
    KillAndLose(Point, u64),
    /// Every machine is lost, one after the other; the number chooses the first.
    LoseEach(u64),
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kill(point) => write!(f, "killed {point}"),
            Self::KillUnder(point, disturbance) => {
                write!(f, "killed {point} under {}", disturbance.name)
            }
            Self::Disturb(disturbance) => f.write_str(disturbance.name),
            Self::Damage(damage) => damage.fmt(f),
            Self::KillAndLose(point, _) => write!(f, "killed {point}, then a machine is lost"),
            Self::LoseEach(first) => write!(f, "each machine is lost, from number {first} on"),
        }
    }
}

impl Case {
    /// Returns the group that it is counted in.
    fn class(&self) -> &'static str {
        match self {
            Self::Kill(point) => point.class(),
            Self::KillUnder(..) => "killed while the cloud errs",
            Self::Disturb(_) => "by what the cloud does",
            Self::Damage(_) => "by what the disk does",
            Self::KillAndLose(..) => "killed, and a machine lost",
            Self::LoseEach(_) => "machines lost in turn",
        }
    }
}

pub(super) type Queue = VecDeque<(Scenario, Reference, Case)>;

/// Runs all cases of `queue` that can begin before `until`; the first worker continues with `bases`.
pub(super) fn work(
    bases: Bases,
    tools: &Tools,
    seed: u64,
    jobs: u64,
    queue: Queue,
    until: Option<Instant>,
) -> Report {
    let mut all = vec![bases];
    all.extend((1..jobs).map(|job| Bases::new(tools.clone(), seed.wrapping_add(job * 1000))));
    let (queue, report) = (Mutex::new(queue), Mutex::new(Report::default()));
    std::thread::scope(|scope| {
        for mut bases in all {
            let (queue, report) = (&queue, &report);
            scope.spawn(move || {
                loop {
                    if until.is_some_and(|until| Instant::now() > until) {
                        return;
                    }
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some((scenario, reference, case)) = next else { return };
                    let began = Instant::now();
                    let result = one(&mut bases, &scenario, &reference, &case);
                    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                    let took = began.elapsed();
                    report.take(scenario.name, case.class(), &case.to_string(), took, result);
                }
            });
        }
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (scenario, _, case) in queue.into_inner().unwrap_or_else(PoisonError::into_inner) {
        report.leave_out(scenario.name, case.class());
    }
    report
}

fn one(
    bases: &mut Bases,
    scenario: &Scenario,
    reference: &Reference,
    case: &Case,
) -> Result<Outcome, SweepError> {
    let base = bases.get(scenario.before)?;
    match case {
        Case::Kill(point) => kill_at(base, scenario, reference, *point),
        Case::KillUnder(point, disturbance) => {
            kill_under(base, scenario, reference, *point, disturbance)
        }
        Case::Disturb(disturbance) => disturb(base, scenario, reference, disturbance),
        Case::Damage(damage) => damage.strike(base, scenario, reference),
        Case::KillAndLose(point, which) => {
            lose_after_kill(base, scenario, reference, *point, *which)
        }
        Case::LoseEach(first) => lose_each(base, scenario, reference, *first),
    }
}
