//! Points of a run at which it is killed.

use super::Seed;

/// A point of a run, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Before the n-th call of an API has its effect.
    CallBefore(u32),
    /// After it had its effect, before the answer.
    CallAfter(u32),
    /// Before the n-th write of the journal.
    WriteBefore(u32),
    /// In the middle of it.
    WriteTorn(u32),
    /// When it is on the disk.
    WriteAfter(u32),
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CallBefore(at) => write!(f, "before call {at}"),
            Self::CallAfter(at) => write!(f, "after call {at}"),
            Self::WriteBefore(at) => write!(f, "before journal write {at}"),
            Self::WriteTorn(at) => write!(f, "in the middle of journal write {at}"),
            Self::WriteAfter(at) => write!(f, "after journal write {at}"),
        }
    }
}

/// Every point of a run that makes so many calls and journal writes.
pub fn all_points(calls: u32, writes: u32) -> Vec<Point> {
    let calls = (1..=calls).flat_map(|at| [Point::CallBefore(at), Point::CallAfter(at)]);
    let writes = (1..=writes)
        .flat_map(|at| [Point::WriteBefore(at), Point::WriteTorn(at), Point::WriteAfter(at)]);
    calls.chain(writes).collect()
}

/// Some of `points`, spread over calls and journal writes alike.
pub fn sample(points: &[Point], count: usize, seed: &mut Seed) -> Vec<Point> {
    let is_call = |point: &&Point| matches!(point, Point::CallBefore(_) | Point::CallAfter(_));
    let calls: Vec<Point> = points.iter().filter(is_call).copied().collect();
    let writes: Vec<Point> = points.iter().filter(|point| !is_call(point)).copied().collect();
    let of_writes = (count / 2).min(writes.len());
    let mut picked = seed.pick(&calls, count - of_writes);
    picked.extend(seed.pick(&writes, of_writes));
    picked
}
