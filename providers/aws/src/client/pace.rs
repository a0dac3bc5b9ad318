//! The cloud's own pace: token buckets as AWS documents them for the EC2 API ("Request throttling
//! for the Amazon EC2 API"), so that a large run is not thrown out by the gate.

use std::{sync::Mutex, time::Duration};

use tokio::time::Instant;

/// What a call costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Describe, Get, List.
    Read,
    /// Everything that changes something.
    Change,
    /// RunInstances, which is the dearest.
    Run,
}

struct Bucket {
    size: f64,
    per_second: f64,
    state: Mutex<(f64, Option<Instant>)>,
}

impl Bucket {
    fn new(size: f64, per_second: f64) -> Self {
        Self { size, per_second, state: Mutex::new((size, None)) }
    }

    /// Takes a token; how long to wait before the call.
    fn take(&self, now: Instant) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (left, since) = *state;
        let passed = since.map_or(0.0, |since| now.duration_since(since).as_secs_f64());
        let left = (left + passed * self.per_second).min(self.size) - 1.0;
        *state = (left, Some(now));
        if left >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-left / self.per_second) }
    }
}

/// The buckets of one account and region.
pub(crate) struct Paces {
    read: Bucket,
    change: Bucket,
    run: Bucket,
}

impl Default for Paces {
    fn default() -> Self {
        Self {
            read: Bucket::new(100.0, 20.0),
            change: Bucket::new(50.0, 5.0),
            run: Bucket::new(5.0, 2.0),
        }
    }
}

impl Paces {
    /// Waits until a call of this cost may be made.
    pub(crate) async fn wait(&self, pace: Pace) {
        let bucket = match pace {
            Pace::Read => &self.read,
            Pace::Change => &self.change,
            Pace::Run => &self.run,
        };
        let pause = bucket.take(Instant::now());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let bucket = Bucket::new(5.0, 2.0);
        let now = Instant::now();
        let waits: Vec<f64> = (0..7).map(|_| bucket.take(now).as_secs_f64()).collect();
        assert_eq!(&waits[..5], &[0.0; 5]);
        assert_eq!(&waits[5..], &[0.5, 1.0]);
        assert_eq!(bucket.take(now + Duration::from_secs(10)), Duration::ZERO);
    }
}
