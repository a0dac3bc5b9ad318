//! A clock that is turned by hand.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use infra_state::lock::remote::Clock;
use jiff::Timestamp;
use tokio::sync::watch;

#[derive(Clone)]
pub struct HandClock {
    now: Arc<watch::Sender<Duration>>,
    /// How much the time of day is off.
    off: Arc<Mutex<Duration>>,
}

impl HandClock {
    pub fn new() -> Self {
        Self { now: Arc::new(watch::channel(Duration::ZERO).0), off: Arc::default() }
    }

    pub fn turn(&self, seconds: u64) {
        self.now.send_modify(|now| *now += Duration::from_secs(seconds));
    }

    /// Another machine's clock that goes wrong by this much.
    pub fn off_by(seconds: u64) -> Self {
        let clock = Self::new();
        *clock.off.lock().unwrap() = Duration::from_secs(seconds);
        clock
    }
}

#[async_trait]
impl Clock for HandClock {
    fn wall(&self) -> Timestamp {
        let base: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        base + self.steady() + *self.off.lock().unwrap()
    }

    fn steady(&self) -> Duration {
        *self.now.borrow()
    }

    async fn sleep(&self, time: Duration) {
        let until = self.steady() + time;
        let mut now = self.now.subscribe();
        now.wait_for(|now| *now >= until).await.unwrap();
    }
}
