//! The account's rate limit: 250 requests a minute and 5,000 an hour, as published, and whatever the
//! answers say (`ratelimit-remaining`, `ratelimit-reset`, `Retry-After`).

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use infra_provider_api::{CloudError, Context, ErrorKind};

/// A bucket of tokens that fills up evenly.
#[derive(Debug)]
struct Bucket {
    capacity: f64,
    tokens: f64,
    per_second: f64,
    filled_at: Instant,
}

impl Bucket {
    fn new(capacity: u32, period: Duration, now: Instant) -> Self {
        let capacity = f64::from(capacity);
        Self {
            capacity,
            tokens: capacity,
            per_second: capacity / period.as_secs_f64(),
            filled_at: now,
        }
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.capacity);
        self.filled_at = now;
    }

    fn missing(&self) -> Duration {
        if self.tokens >= 1.0 {
            return Duration::ZERO;
        }
        // A millisecond on top, so that rounding never asks for a wait of nothing.
        Duration::from_secs_f64((1.0 - self.tokens) / self.per_second) + Duration::from_millis(1)
    }
}

/// The decision, without clock and without waiting.
#[derive(Debug)]
pub(crate) struct Core {
    minute: Bucket,
    hour: Bucket,
    closed_until: Option<Instant>,
}

impl Core {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            minute: Bucket::new(250, Duration::from_secs(60), now),
            hour: Bucket::new(5_000, Duration::from_secs(3_600), now),
            closed_until: None,
        }
    }

    /// Takes a token, or says how long to wait before asking again.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(until) = self.closed_until {
            if until > now {
                return Err(until - now);
            }
            self.closed_until = None;
        }
        self.minute.fill(now);
        self.hour.fill(now);
        let wait = self.minute.missing().max(self.hour.missing());
        if wait > Duration::ZERO {
            return Err(wait);
        }
        self.minute.tokens -= 1.0;
        self.hour.tokens -= 1.0;
        Ok(())
    }

    /// What an answer said of the hour's budget. Others may use the same account, so the cloud's
    /// count only ever lowers ours.
    pub(crate) fn learn(&mut self, now: Instant, remaining: u32, reset_in: Option<Duration>) {
        self.hour.fill(now);
        self.hour.tokens = self.hour.tokens.min(f64::from(remaining));
        if remaining == 0 {
            let reset_in = reset_in.unwrap_or_default().min(Duration::from_secs(3_600));
            self.close(now, reset_in);
        }
    }

    /// Lets nobody through for a while (429).
    pub(crate) fn close(&mut self, now: Instant, pause: Duration) {
        let until = now + pause.min(Duration::from_secs(3_600));
        self.closed_until = Some(self.closed_until.map_or(until, |known| known.max(until)));
    }
}

/// The rate limit of one account.
#[derive(Debug)]
pub(crate) struct Limiter {
    core: Mutex<Core>,
    /// Held by whoever waits, so that the others queue in order behind.
    turn: tokio::sync::Mutex<()>,
}

impl Limiter {
    pub(crate) fn new() -> Self {
        Self { core: Mutex::new(Core::new(Instant::now())), turn: tokio::sync::Mutex::new(()) }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Core, Instant) -> T) -> T {
        // A panic in arithmetic can't leave the buckets in a dangerous state.
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut core, Instant::now())
    }

    /// Waits for leave to make one request, telling the user when that takes a second or more.
    pub(crate) async fn permit(&self, cx: &Context, operation: &str) -> Result<(), CloudError> {
        let stopped = || {
            CloudError::new(ErrorKind::Cancelled, operation, "stopped before the request was sent")
        };
        if cx.stop.is_cancelled() {
            return Err(stopped());
        }
        let _turn = self.turn.lock().await;
        while let Err(wait) = self.with(Core::take) {
            if wait >= Duration::from_secs(1) {
                let seconds = wait.as_secs_f64().ceil();
                cx.progress
                    .waiting(None, &format!("waiting for DigitalOcean's rate limit, {seconds} s"));
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = cx.stop.cancelled() => return Err(stopped()),
            }
        }
        Ok(())
    }

    pub(crate) fn learn(&self, remaining: u32, reset_in: Option<Duration>) {
        self.with(|core, now| core.learn(now, remaining, reset_in));
    }

    pub(crate) fn close(&self, pause: Duration) {
        self.with(|core, now| core.close(now, pause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(core: &mut Core, now: Instant) -> usize {
        (0..).take_while(|_| core.take(now).is_ok()).count()
    }

    #[test]
    fn a_minute_holds_250() {
        let start = Instant::now();
        let mut core = Core::new(start);
        assert_eq!(drain(&mut core, start), 250);
        let wait = core.take(start).unwrap_err();
        assert!(wait > Duration::from_millis(200) && wait < Duration::from_millis(300), "{wait:?}");
        assert!(core.take(start + wait).is_ok());
        assert_eq!(drain(&mut core, start + Duration::from_secs(61)), 250);
    }

    #[test]
    fn an_hour_holds_5000_and_what_flows_in() {
        let start = Instant::now();
        let mut core = Core::new(start);
        let sent: usize =
            (0..60).map(|m| drain(&mut core, start + Duration::from_secs(60 * m))).sum();
        assert!((9_900..=9_920).contains(&sent), "{sent}");
    }

    #[test]
    fn the_cloud_s_count_only_lowers_ours() {
        let start = Instant::now();
        let mut core = Core::new(start);
        core.learn(start, 10_000, None);
        core.learn(start, 3, None);
        assert_eq!(drain(&mut core, start), 3);
    }

    #[test]
    fn closed_until_the_reset_or_the_longer_pause() {
        let start = Instant::now();
        let mut core = Core::new(start);
        core.learn(start, 0, Some(Duration::from_secs(30)));
        core.close(start, Duration::from_secs(5));
        assert_eq!(core.take(start), Err(Duration::from_secs(30)));
        assert!(core.take(start + Duration::from_secs(31)).is_ok());
        core.close(start, Duration::from_secs(1_000_000));
        assert_eq!(core.take(start), Err(Duration::from_secs(3_600)));
    }

    proptest::proptest! {
        #[test]
        fn waiting_as_told_always_ends(steps in proptest::collection::vec((0_u64..5_000, 0_u32..40), 1..60)) {
            let mut now = Instant::now();
            let mut core = Core::new(now);
            for (millis, remaining) in steps {
                now += Duration::from_millis(millis);
                core.learn(now, remaining, Some(Duration::from_millis(millis)));
                for _ in 0..3 {
                    match core.take(now) {
                        Ok(()) => break,
                        Err(wait) => { proptest::prop_assert!(wait > Duration::ZERO); now += wait; }
                    }
                }
                proptest::prop_assert!(core.hour.tokens >= -0.001 && core.minute.tokens >= -0.001);
            }
        }
    }
}
