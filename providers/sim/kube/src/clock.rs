use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The embedded cloud's clock: waits go by `speed` times faster, timestamps stay those of the wall
/// (certificates and bootstrap tokens are judged by clients that know no other time).
#[derive(Debug)]
pub struct Clock {
    speed: watch::Sender<f64>,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Clock {
    /// Makes a clock whose waits pass `speed` times faster than the wall's. Anything that is not a
    /// positive number counts as 1.
    pub fn new(speed: f64) -> Self {
        Self { speed: watch::Sender::new(sane(speed)) }
    }

    /// Returns how much faster than the wall waits pass.
    pub fn speed(&self) -> f64 {
        *self.speed.borrow()
    }

    /// Changes the speed, also of the waits that are under way.
    pub fn set_speed(&self, speed: f64) {
        self.speed.send_replace(sane(speed));
    }

    /// Returns the wall's time.
    pub fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    /// Converts `simulated` to the time that the wall takes for it.
    pub fn scale(&self, simulated: Duration) -> Duration {
        Duration::from_secs_f64((simulated.as_secs_f64() / self.speed()).min(1e9))
    }

    /// Waits for `simulated`, divided by the speed.
    pub async fn sleep(&self, simulated: Duration) {
        let mut changes = self.speed.subscribe();
        let mut left = simulated.as_secs_f64();
        loop {
            let speed = *changes.borrow_and_update();
            let begun = Instant::now();
            let wall = Duration::from_secs_f64((left / speed).min(1e9));
            tokio::select! {
                () = tokio::time::sleep(wall) => return,
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    left = (left - begun.elapsed().as_secs_f64() * speed).max(0.0);
                }
            }
        }
    }
}

fn sane(speed: f64) -> f64 {
    if speed.is_finite() && speed > 0.0 { speed } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_under_way_goes_by_the_new_speed() {
        let clock = std::sync::Arc::new(Clock::new(1.0));
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(3600)).await }
        });
        tokio::task::yield_now().await;
        clock.set_speed(1e6);
        let ended = tokio::time::timeout(Duration::from_secs(10), sleeper).await;
        assert!(ended.is_ok());
    }

    #[test]
    fn nonsense_speeds_count_as_one() {
        for speed in [0.0, -3.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Clock::new(speed).speed(), 1.0);
        }
    }
}
