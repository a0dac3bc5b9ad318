//! What a Job does next: pure.

use std::time::Duration;

/// What the Job asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// `spec.parallelism`.
    pub parallelism: i64,
    /// `spec.completions`; none means that one success ends the Job.
    pub completions: Option<i64>,
    /// `spec.backoffLimit`.
    pub backoff_limit: i64,
    /// `spec.suspend`.
    pub suspended: bool,
}

/// How its pods stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Neither ended nor being deleted.
    pub active: i64,
    /// Succeeded.
    pub succeeded: i64,
    /// Failed, restarts of containers counted.
    pub failed: i64,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Enough successes.
    Complete,
    /// Too many failures.
    Failed,
    /// So many pods more (or less, when negative).
    Adjust(i64),
}

/// Decides from the counts.
pub fn decide(w: Wanted, t: Tally) -> Verdict {
    if t.failed > w.backoff_limit {
        return Verdict::Failed;
    }
    let done = match w.completions {
        Some(n) => t.succeeded >= n,
        None => t.succeeded > 0 && t.active == 0,
    };
    if done {
        return Verdict::Complete;
    }
    if w.suspended {
        return Verdict::Adjust(-t.active);
    }
    let most = match w.completions {
        Some(n) => (n - t.succeeded).min(w.parallelism),
        // Without a number of completions the first success stops new pods.
        None if t.succeeded > 0 => t.active,
        None => w.parallelism,
    };
    Verdict::Adjust(most.max(0) - t.active)
}

/// Returns the pause before the next pod after failures: 10 s, doubled each time, at most 6
/// minutes.
pub fn backoff(failed: i64) -> Duration {
    if failed <= 0 {
        return Duration::ZERO;
    }
    let doublings = u32::try_from(failed - 1).unwrap_or(0).min(6);
    Duration::from_secs((10 << doublings).min(360))
}

#[cfg(test)]
mod tests {
    use super::*;

    const W: Wanted =
        Wanted { parallelism: 2, completions: Some(3), backoff_limit: 1, suspended: false };

    #[test]
    fn never_more_pods_than_are_still_needed() {
        let t = |active, succeeded, failed| Tally { active, succeeded, failed };
        assert_eq!(decide(W, t(0, 0, 0)), Verdict::Adjust(2));
        assert_eq!(decide(W, t(0, 2, 0)), Verdict::Adjust(1));
        assert_eq!(decide(W, t(1, 2, 1)), Verdict::Adjust(0));
        assert_eq!(decide(W, t(0, 3, 0)), Verdict::Complete);
        assert_eq!(decide(W, t(0, 0, 2)), Verdict::Failed);
        assert_eq!(decide(Wanted { suspended: true, ..W }, t(2, 0, 0)), Verdict::Adjust(-2));
    }

    #[test]
    fn a_work_queue_ends_when_all_pods_have_ended() {
        let w = Wanted { completions: None, ..W };
        assert_eq!(decide(w, Tally { active: 1, succeeded: 1, failed: 0 }), Verdict::Adjust(0));
        assert_eq!(decide(w, Tally { active: 0, succeeded: 1, failed: 0 }), Verdict::Complete);
    }

    #[test]
    fn pauses_double_up_to_six_minutes() {
        let s: Vec<u64> = [0, 1, 2, 3, 9].map(|n| backoff(n).as_secs()).to_vec();
        assert_eq!(s, [0, 10, 20, 40, 360]);
    }
}
