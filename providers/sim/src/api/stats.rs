//! How often each endpoint was called.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Under this name stands how many calls were refused for the rate limit.
pub const REFUSED: &str = "refused: 429";

/// Counts calls by "METHOD /template".
#[derive(Default)]
pub struct Stats {
    calls: Mutex<BTreeMap<String, u64>>,
}

impl Stats {
    /// Counts one call.
    pub fn count(&self, method: &str, template: &str) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry(format!("{method} {template}")).or_insert(0) += 1;
    }

    /// Counts one call that was refused for the rate limit; it is counted as a call, too.
    pub fn refused(&self) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry(REFUSED.to_owned()).or_insert(0) += 1;
    }

    /// Returns the counts; with `reset` they start again at 0.
    pub fn take(&self, reset: bool) -> BTreeMap<String, u64> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if reset { std::mem::take(&mut *calls) } else { calls.clone() }
    }
}
