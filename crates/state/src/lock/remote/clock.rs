//! Time, as leases see it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;

/// Time, so that tests can turn it on.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Returns the time of day.
    fn wall(&self) -> Timestamp;

    /// Returns a time that never goes back.
    fn steady(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, time: Duration);
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn steady(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
