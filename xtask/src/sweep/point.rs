//! Points of a run at which it is killed.

use std::collections::BTreeMap;

use super::Seed;

/// Methods of calls that have no effect.
const READS: [&str; 2] = ["GET", "HEAD"];
/// Methods of calls that have one.
const EFFECTS: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

/// A point of a run, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Before the n-th call of this method has its effect.
    CallBefore(&'static str, u32),
    /// After it had its effect, before the answer.
    CallAfter(&'static str, u32),
    /// Before the n-th write of the journal.
    WriteBefore(u32),
    /// In the middle of it.
    WriteTorn(u32),
    /// When it is on the disk.
    WriteAfter(u32),
}

impl Point {
    /// Returns the group that it is counted in.
    pub fn class(&self) -> &'static str {
        match self {
            Self::CallBefore(method, _) | Self::CallAfter(method, _) if !READS.contains(method) => {
                "at calls with an effect"
            }
            Self::CallBefore(..) | Self::CallAfter(..) => "at reads",
            Self::WriteBefore(_) | Self::WriteTorn(_) | Self::WriteAfter(_) => "at journal writes",
        }
    }
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CallBefore(method, at) => write!(f, "before {method} {at}"),
            Self::CallAfter(method, at) => write!(f, "after {method} {at}"),
            Self::WriteBefore(at) => write!(f, "before journal write {at}"),
            Self::WriteTorn(at) => write!(f, "in the middle of journal write {at}"),
            Self::WriteAfter(at) => write!(f, "after journal write {at}"),
        }
    }
}

/// What a run does, counted.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Calls by method.
    pub calls: BTreeMap<&'static str, u32>,
    /// Writes of the journal.
    pub writes: u32,
}

impl Counts {
    /// Returns the methods that are counted.
    pub fn methods() -> impl Iterator<Item = &'static str> {
        EFFECTS.into_iter().chain(READS)
    }

    fn calls_of(&self, methods: &[&str]) -> u32 {
        methods.iter().filter_map(|method| self.calls.get(method)).sum()
    }

    /// Returns every point at which the world may be different: before and after each call that has
    /// an effect, and around each write of the journal.
    pub fn effects(&self) -> Vec<Point> {
        let calls = EFFECTS.into_iter().flat_map(|method| {
            let count = self.calls.get(method).copied().unwrap_or(0);
            (1..=count)
                .flat_map(move |at| [Point::CallBefore(method, at), Point::CallAfter(method, at)])
        });
        let writes = (1..=self.writes)
            .flat_map(|at| [Point::WriteBefore(at), Point::WriteTorn(at), Point::WriteAfter(at)]);
        writes.chain(calls).collect()
    }

    /// Returns one point for every call that reads. A point after it would be no different, because
    /// a read has no effect.
    pub fn reads(&self) -> Vec<Point> {
        let reads = READS.into_iter().flat_map(|method| {
            let count = self.calls.get(method).copied().unwrap_or(0);
            (1..=count).map(move |at| Point::CallBefore(method, at))
        });
        reads.collect()
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (effects, reads) = (self.calls_of(&EFFECTS), self.calls_of(&READS));
        write!(f, "{effects} calls with an effect, {reads} reads, {} journal writes", self.writes)
    }
}

/// Picks some of `points`, spread over calls and journal writes alike.
pub fn sample(points: &[Point], count: usize, seed: &mut Seed) -> Vec<Point> {
    let is_call = |point: &&Point| matches!(point, Point::CallBefore(..) | Point::CallAfter(..));
    let calls: Vec<Point> = points.iter().filter(is_call).copied().collect();
    let writes: Vec<Point> = points.iter().filter(|point| !is_call(point)).copied().collect();
    let of_writes = (count / 2).min(writes.len());
    let mut picked = seed.pick(&calls, count - of_writes);
    picked.extend(seed.pick(&writes, of_writes));
    picked
}
