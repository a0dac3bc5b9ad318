//! The journal as objects: `journal/<number>.jsonl`, each written once and never changed.
//!
//! Every append is a create of the *next* number. Whoever takes the lock first puts a line of its
//! own there. So an earlier holder that wakes up finds its next number taken, and can append nothing,
//! whatever its clock says.

use std::collections::BTreeMap;

use crate::store::StoreError;

/// The prefix of everything that is here.
pub(super) const PREFIX: &str = "journal/";

/// Numbers with which a lease began that are kept when the journal is compacted. Each is the number
/// that the holder before would write next.
pub(super) const FENCES_MAX: usize = 64;

/// What a listing says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// Number of the newest snapshot: it covers all segments up to that number. 0: there is none.
    pub snapshot: u64,
    /// Numbers of older snapshots.
    pub outdated: Vec<u64>,
    /// Numbers of segments that the snapshot covers: fences, and what an interrupted removal left.
    pub covered: Vec<u64>,
    /// Numbers of the segments after it, without a gap.
    pub after: Vec<u64>,
}

pub(super) fn segment(number: u64) -> String {
    format!("{PREFIX}{number:012}.jsonl")
}

pub(super) fn snapshot(number: u64) -> String {
    format!("{PREFIX}{number:012}.snapshot.json")
}

impl Listing {
    /// Reads a listing. `Err`: the number that is missing.
    pub(super) fn of(keys: &[String]) -> Result<Self, u64> {
        let mut kinds: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for key in keys {
            let name = key.strip_prefix(PREFIX).unwrap_or(key);
            let Some((number, kind)) = name.split_once('.') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            kinds.entry(kind).or_default().push(number);
        }
        let mut snapshots = kinds.remove("snapshot.json").unwrap_or_default();
        snapshots.sort_unstable();
        let snapshot = snapshots.pop().unwrap_or(0);
        let mut segments = kinds.remove("jsonl").unwrap_or_default();
        segments.sort_unstable();
        let (covered, after): (Vec<u64>, Vec<u64>) =
            segments.into_iter().partition(|number| *number <= snapshot);
        for (wanted, found) in (snapshot + 1..).zip(&after) {
            if wanted != *found {
                return Err(wanted);
            }
        }
        Ok(Self { snapshot, outdated: snapshots, covered, after })
    }

    /// Returns the number that the next append creates.
    pub(super) fn next(&self) -> u64 {
        self.after.last().copied().unwrap_or(self.snapshot) + 1
    }
}

/// Makes the error of a listing with a hole.
pub(super) fn hole(name: String, missing: u64) -> StoreError {
    StoreError::Damaged { name, reason: format!("segment {missing} is missing") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| format!("{PREFIX}{name}")).collect()
    }

    #[test]
    fn a_listing_begins_after_its_newest_snapshot() {
        let all = ["000000000002.snapshot.json", "000000000004.snapshot.json"];
        let mut all = keys(&all);
        all.extend([3, 4, 5, 6].map(segment));
        let listing = Listing::of(&all).unwrap();
        assert_eq!(
            listing,
            Listing { snapshot: 4, outdated: vec![2], covered: vec![3, 4], after: vec![5, 6] }
        );
        assert_eq!(listing.next(), 7);
        assert_eq!(Listing::of(&[]).unwrap().next(), 1);
    }

    #[test]
    fn a_hole_is_named() {
        assert_eq!(Listing::of(&[segment(1), segment(3)]), Err(2));
        assert_eq!(Listing::of(&[segment(2)]), Err(1));
        assert_eq!(Listing::of(&[snapshot(7), segment(9)]), Err(8));
    }
}
