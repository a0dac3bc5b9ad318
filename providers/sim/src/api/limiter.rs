//! The vendor's rate limits: 5,000 requests an hour, 250 a minute, on the simulated clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use infra_sim_kube::Clock;

use crate::limits::Limits;

const HOUR_S: f64 = 3600.0;
const MINUTE_S: f64 = 60.0;

/// Counts requests in sliding windows.
pub struct Limiter {
    clock: Arc<Clock>,
    inner: Mutex<Inner>,
}

struct Inner {
    /// Simulated seconds since the start, carried along so that a change of speed doesn't rewrite the past.
    now_s: f64,
    at: Instant,
    requests: VecDeque<f64>,
}

/// Where an account stands; becomes the `ratelimit-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether this request may pass.
    pub allowed: bool,
    /// Requests an hour.
    pub limit: u32,
    /// Requests left this hour.
    pub remaining: u32,
    /// When the oldest request expires, Unix seconds.
    pub reset: i64,
    /// When to try again, real seconds.
    pub retry_after_s: u64,
}

impl Limiter {
    /// Makes a limiter that has seen nothing yet.
    pub fn new(clock: Arc<Clock>) -> Self {
        Self {
            clock,
            inner: Mutex::new(Inner { now_s: 0.0, at: Instant::now(), requests: VecDeque::new() }),
        }
    }

    /// Forgets all requests.
    pub fn reset(&self) {
        self.lock().requests.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one request.
    pub fn take(&self, limits: &Limits) -> Standing {
        let speed = self.clock.speed();
        let mut inner = self.lock();
        let elapsed = inner.at.elapsed().as_secs_f64();
        inner.at = Instant::now();
        inner.now_s += elapsed * speed;
        let now = inner.now_s;
        while inner.requests.front().is_some_and(|t| now - t >= HOUR_S) {
            inner.requests.pop_front();
        }
        let hourly = inner.requests.len();
        let recent = inner.requests.partition_point(|t| now - t >= MINUTE_S);
        let in_minute = hourly - recent;
        let wait_s = if hourly >= limits.requests_hour as usize {
            let oldest = inner.requests.front().copied().unwrap_or(now);
            Some(oldest + HOUR_S - now)
        } else if in_minute >= limits.requests_minute as usize {
            let oldest = inner.requests.get(recent).copied().unwrap_or(now);
            Some(oldest + MINUTE_S - now)
        } else {
            inner.requests.push_back(now);
            None
        };
        let used = u32::try_from(inner.requests.len()).unwrap_or(u32::MAX);
        let oldest = inner.requests.front().copied().unwrap_or(now);
        let reset_s = ((oldest + HOUR_S - now) / speed).ceil();
        Standing {
            allowed: wait_s.is_none(),
            limit: limits.requests_hour,
            remaining: limits.requests_hour.saturating_sub(used),
            reset: self.clock.now().as_second() + whole(reset_s) as i64,
            retry_after_s: whole((wait_s.unwrap_or(0.0) / speed).ceil().max(1.0)),
        }
    }
}

/// Rounds a small, non-negative number of seconds down to an integer.
fn whole(seconds: f64) -> u64 {
    std::time::Duration::try_from_secs_f64(seconds).map_or(0, |d| d.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minute_and_hour() {
        let limiter = Limiter::new(Arc::new(Clock::new(1.0)));
        let limits = Limits { requests_hour: 5, requests_minute: 3, ..Limits::default() };
        for left in [4, 3, 2] {
            let s = limiter.take(&limits);
            assert!(s.allowed);
            assert_eq!(s.remaining, left);
        }
        let s = limiter.take(&limits);
        assert!(!s.allowed);
        assert!((59..=60).contains(&s.retry_after_s), "{s:?}");
        let generous = Limits { requests_minute: 100, ..limits };
        assert!(limiter.take(&generous).allowed);
        assert!(limiter.take(&generous).allowed);
        let s = limiter.take(&generous);
        assert!(!s.allowed);
        assert!(s.retry_after_s > 3500);
        limiter.reset();
        assert!(limiter.take(&limits).allowed);
    }

    #[test]
    fn a_fast_clock_forgets_fast() {
        let limiter = Limiter::new(Arc::new(Clock::new(100_000.0)));
        let limits = Limits { requests_minute: 1, ..Limits::default() };
        assert!(limiter.take(&limits).allowed);
        // A simulated minute is 0.6 ms: the next success comes by itself.
        let begun = Instant::now();
        while !limiter.take(&limits).allowed {
            assert!(begun.elapsed().as_secs() < 10);
        }
    }
}
