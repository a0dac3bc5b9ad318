//! The decision about one more request, without clock and without waiting.
//!
//! The vendor counts the requests of the last minute and of the last hour. A bucket of tokens would
//! let twice the limit through in the first minute (what it holds and what flows in), so this counts
//! the same way: a request takes its place from the moment it is let through until a period after it
//! was over, which is never before the vendor has forgotten it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Requests a minute, and an hour, as published.
const MINUTE_REQUESTS: usize = 250;
const HOUR_REQUESTS: usize = 5_000;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
/// On top of each wait, so that rounding never asks for one of nothing.
const MARGIN: Duration = Duration::from_millis(1);
/// Time to wait where only an answer that is under way can make room.
const UNDER_WAY: Duration = Duration::from_millis(20);

/// The requests of one period.
#[derive(Debug)]
struct Window {
    limit: usize,
    period: Duration,
    /// When each request of the period was over; the oldest first.
    over: VecDeque<Instant>,
    /// Requests of others that the period still holds, as far as the cloud tells.
    others: usize,
}

impl Window {
    fn new(limit: usize, period: Duration) -> Self {
        Self { limit, period, over: VecDeque::new(), others: 0 }
    }

    /// Returns how long to wait until there is room beside `under_way` requests.
    fn wait(&mut self, now: Instant, under_way: usize) -> Option<Duration> {
        while self.over.front().is_some_and(|over| *over + self.period <= now) {
            self.over.pop_front();
        }
        let own = self.over.len() + under_way;
        if own + self.others < self.limit {
            return None;
        }
        if own < self.limit {
            // When others are forgotten is not known here: one request at a time finds out.
            return (under_way > 0).then_some(UNDER_WAY);
        }
        // So many have to be forgotten first; what is under way will be over, and counts again then.
        let forgotten = self.over.get(own - self.limit);
        Some(forgotten.map_or(UNDER_WAY, |over| *over + self.period - now + MARGIN))
    }
}

/// What an answer says of the account's hour.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    /// `ratelimit-limit`.
    pub(crate) limit: Option<u32>,
    /// `ratelimit-remaining`.
    pub(crate) remaining: u32,
    /// `ratelimit-reset`, from now.
    pub(crate) reset_in: Option<Duration>,
}

/// The requests of one account, as far as they are known here.
#[derive(Debug)]
pub(crate) struct Core {
    minute: Window,
    hour: Window,
    under_way: usize,
    closed_until: Option<Instant>,
    /// After a refusal, one request alone finds out whether there is room again.
    careful: bool,
    /// The most that others may have used of the hour, and when that was found.
    others_most: Option<(usize, Instant)>,
}

impl Core {
    /// Makes the windows; `speed` says how much faster than real time the cloud's clock runs. It is
    /// 1 but for the embedded cloud.
    pub(crate) fn new(speed: f64) -> Self {
        let scaled = |period: Duration| period.div_f64(speed.clamp(1.0, 1e6));
        Self {
            minute: Window::new(MINUTE_REQUESTS, scaled(MINUTE)),
            hour: Window::new(HOUR_REQUESTS, scaled(HOUR)),
            under_way: 0,
            closed_until: None,
            careful: false,
            others_most: None,
        }
    }

    /// Lets a request through, or says how long to wait before asking again.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(until) = self.closed_until {
            if until > now {
                return Err(until - now);
            }
            self.closed_until = None;
        }
        if self.careful && self.under_way > 0 {
            return Err(UNDER_WAY);
        }
        let minute = self.minute.wait(now, self.under_way);
        let hour = self.hour.wait(now, self.under_way);
        match minute.max(hour) {
            Some(wait) => Err(wait),
            None => {
                self.under_way += 1;
                Ok(())
            }
        }
    }

    /// Counts a request that was let through as over, with an answer or without.
    pub(crate) fn over(&mut self, now: Instant) {
        self.under_way = self.under_way.saturating_sub(1);
        self.minute.over.push_back(now);
        self.hour.over.push_back(now);
    }

    /// Learns the state of the hour from the answer to a request that was let through. Others may
    /// use the account, too: a request that the cloud counts and that was not ours is theirs.
    pub(crate) fn learn(&mut self, now: Instant, standing: Standing) {
        if let Some(limit) = standing.limit.filter(|limit| *limit > 0) {
            self.hour.limit = limit as usize;
        }
        let used = self.hour.limit.saturating_sub(standing.remaining as usize);
        // The cloud has counted this request and all that are over, and maybe others under way.
        let counted_least = self.hour.over.len() + 1;
        let counted_most = self.hour.over.len() + self.under_way.max(1);
        let (least, most) = (used.saturating_sub(counted_most), used.saturating_sub(counted_least));
        self.hour.others = least;
        match self.others_most {
            Some((known, _)) if least > known => {
                // They came since the last look: they are in this minute, too.
                for _ in 0..(least - known).min(self.minute.limit) {
                    self.minute.over.push_back(now);
                }
                self.others_most = Some((most, now));
            }
            Some((_, since)) if now < since + self.minute.period => {}
            _ => self.others_most = Some((most, now)),
        }
        self.careful = false;
        if standing.remaining == 0 {
            self.close(now, standing.reset_in.unwrap_or_default());
        }
    }

    /// Closes the window after the cloud refused a request (429): nobody is let through for a
    /// while, then one alone.
    pub(crate) fn refused(&mut self, now: Instant, pause: Duration) {
        self.careful = true;
        self.close(now, pause);
    }

    fn close(&mut self, now: Instant, pause: Duration) {
        let until = now + pause.min(HOUR);
        self.closed_until = Some(self.closed_until.map_or(until, |known| known.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets through what may pass at `now`; each is over at once.
    fn drain(core: &mut Core, now: Instant) -> usize {
        (0..).take_while(|_| core.take(now).map(|()| core.over(now)).is_ok()).count()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn standing(remaining: u32) -> Standing {
        Standing { remaining, ..Standing::default() }
    }

    #[test]
    fn a_minute_holds_250_whenever_it_begins() {
        let start = Instant::now();
        let mut core = Core::new(1.0);
        assert_eq!(drain(&mut core, start), 250);
        assert_eq!(core.take(start), Err(seconds(60) + MARGIN));
        assert_eq!(drain(&mut core, start + seconds(30)), 0, "nothing flows in meanwhile");
        assert_eq!(drain(&mut core, start + seconds(60)), 250);
    }

    #[test]
    fn a_thousand_take_three_minutes_and_no_window_holds_more_than_250() {
        let start = Instant::now();
        let (mut core, mut now, mut sent) = (Core::new(1.0), start, Vec::new());
        while sent.len() < 1_000 {
            match core.take(now) {
                Ok(()) => {
                    sent.push(now);
                    // An answer takes 50 ms; the next request need not wait for it.
                    core.over(now + Duration::from_millis(50));
                    now += Duration::from_millis(5);
                }
                Err(wait) => now += wait,
            }
        }
        let took = now - start;
        assert!(took < seconds(183), "{took:?}");
        for (place, from) in sent.iter().enumerate() {
            let within = sent[place..].iter().take_while(|at| **at < *from + MINUTE).count();
            assert!(within <= 250, "{within} from {:?}", *from - start);
        }
    }

    #[test]
    fn an_hour_holds_5000() {
        let start = Instant::now();
        let mut core = Core::new(1.0);
        let sent: usize =
            (0..60).map(|minute| drain(&mut core, start + seconds(60 * minute))).sum();
        assert_eq!(sent, 5_000);
        assert!(drain(&mut core, start + seconds(3_600)) > 0);
    }

    #[test]
    fn what_is_under_way_counts_until_a_minute_after_it_is_over() {
        let start = Instant::now();
        let mut core = Core::new(1.0);
        assert!(core.take(start).is_ok());
        assert_eq!(drain(&mut core, start), 249);
        core.over(start + seconds(30));
        assert_eq!(drain(&mut core, start + seconds(60)), 249);
        assert_eq!(drain(&mut core, start + seconds(90)), 1);
    }

    #[test]
    fn a_fast_clock_has_short_minutes() {
        let start = Instant::now();
        let mut core = Core::new(60.0);
        assert_eq!(drain(&mut core, start), 250);
        assert_eq!(drain(&mut core, start + seconds(1)), 250);
        assert_eq!(Core::new(0.0).minute.period, MINUTE, "no clock is slower than real");
    }

    #[test]
    fn others_are_seen_through_what_is_left_of_the_hour() {
        let start = Instant::now();
        let mut core = Core::new(1.0);
        let ask = |core: &mut Core, remaining: u32| {
            assert!(core.take(start).is_ok());
            core.learn(start, standing(remaining));
            core.over(start);
        };
        ask(&mut core, 4_899);
        assert_eq!(core.hour.others, 100, "used before this run; maybe long ago");
        ask(&mut core, 4_898);
        // Somebody else made 40 requests between these two.
        ask(&mut core, 4_857);
        assert_eq!(core.hour.others, 140);
        assert_eq!(drain(&mut core, start), 250 - 3 - 40);
    }

    #[test]
    fn an_hour_used_up_by_others_is_tried_by_one_at_a_time_after_the_reset() {
        let start = Instant::now();
        let mut core = Core::new(1.0);
        assert!(core.take(start).is_ok());
        core.learn(start, Standing { reset_in: Some(seconds(30)), ..standing(0) });
        core.over(start);
        assert_eq!(core.take(start), Err(seconds(30)));
        let later = start + seconds(30);
        assert!(core.take(later).is_ok());
        assert_eq!(core.take(later), Err(UNDER_WAY));
    }

    #[test]
    fn answers_out_of_order_invent_no_others() {
        let start = Instant::now();
        let mut core = Core::new(1.0);
        for _ in 0..16 {
            assert!(core.take(start).is_ok());
        }
        for remaining in (4_984..5_000).rev().collect::<Vec<_>>().into_iter().rev() {
            core.learn(start, standing(remaining));
            core.over(start);
        }
        assert_eq!((core.minute.over.len(), core.hour.others), (16, 0));
    }

    #[test]
    fn closed_until_the_reset_or_the_longer_pause_then_one_goes_first() {
        let start = Instant::now();
        let mut core = Core::new(1.0);
        assert!(core.take(start).is_ok());
        let empty = Standing { reset_in: Some(seconds(30)), ..standing(0) };
        core.learn(start, empty);
        core.refused(start, seconds(5));
        core.over(start);
        assert_eq!(core.take(start), Err(seconds(30)));
        let later = start + seconds(3_601);
        assert!(core.take(later).is_ok());
        assert_eq!(core.take(later), Err(UNDER_WAY), "one alone finds out");
        core.learn(later, standing(4_000));
        assert!(core.take(later).is_ok());
        core.refused(later, seconds(1_000_000));
        assert_eq!(core.take(later), Err(HOUR));
    }

    proptest::proptest! {
        #[test]
        fn waiting_as_told_always_ends(steps in proptest::collection::vec((0_u64..5_000, 0_u32..5_100, proptest::bool::ANY), 1..200)) {
            let (mut now, mut core) = (Instant::now(), Core::new(1.0));
            for (millis, remaining, refused) in steps {
                now += Duration::from_millis(millis);
                for attempt in 0.. {
                    match core.take(now) {
                        Ok(()) => break,
                        Err(wait) => { proptest::prop_assert!(wait > Duration::ZERO); now += wait; }
                    }
                    proptest::prop_assert!(attempt < 20_000);
                }
                if refused {
                    core.refused(now, Duration::from_millis(millis));
                } else {
                    core.learn(now, Standing { limit: Some(5_000), remaining, reset_in: Some(Duration::from_millis(millis)) });
                }
                core.over(now);
            }
        }
    }
}
