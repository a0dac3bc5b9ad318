//! Cron schedules of five fields, with `*`, lists, ranges, steps, names and the `@` short forms.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Unit};
use thiserror::Error;

/// A schedule that cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unparseable schedule {schedule:?}: {problem}")]
pub struct ScheduleError {
    schedule: String,
    problem: String,
}

/// The minutes, hours, days and months on which something runs, as bit sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    /// Reads a schedule.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let long = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let fail = |problem: String| ScheduleError { schedule: text.to_owned(), problem };
        let fields: Vec<&str> = long.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(fail(format!("expected 5 fields, found {}", fields.len())));
        };
        let set = |field: &str, low: u32, high: u32, names: &[&str]| {
            bits(field, low, high, names).ok_or_else(|| fail(format!("bad field {field:?}")))
        };
        let mut weekdays = set(weekday, 0, 7, &WEEKDAYS)?;
        // Sunday is 0 and 7.
        if weekdays & (1 << 7) != 0 {
            weekdays |= 1;
        }
        Ok(Self {
            minutes: set(minute, 0, 59, &[])?,
            hours: set(hour, 0, 23, &[])?,
            days: set(day, 1, 31, &[])?,
            months: set(month, 1, 12, &MONTHS)?,
            weekdays,
            any_day: day.starts_with(['*', '?']),
            any_weekday: weekday.starts_with(['*', '?']),
        })
    }

    /// Finds the first moment after `t`, in that time zone; returns `None` if there is none within
    /// five years.
    pub fn after(&self, t: Timestamp, tz: &TimeZone) -> Option<Timestamp> {
        let mut at = t.to_zoned(tz.clone()).round(Unit::Minute).ok()?;
        while at.timestamp() <= t {
            at = at.checked_add(Span::new().minutes(1)).ok()?;
        }
        let end = t.to_zoned(tz.clone()).checked_add(Span::new().years(5)).ok()?;
        while at < end {
            let d = at.date();
            if self.months & (1 << d.month()) == 0 {
                let first = d.first_of_month().checked_add(Span::new().months(1)).ok()?;
                at = first.to_zoned(tz.clone()).ok()?;
            } else if !self.day_fits(d.day(), d.weekday()) {
                at = d.tomorrow().ok()?.to_zoned(tz.clone()).ok()?;
            } else if self.hours & (1 << at.hour()) == 0 {
                let to_next = Span::new().minutes(60 - i64::from(at.minute()));
                at = at.checked_add(to_next).ok()?;
            } else if self.minutes & (1 << at.minute()) == 0 {
                at = at.checked_add(Span::new().minutes(1)).ok()?;
            } else {
                return Some(at.timestamp());
            }
        }
        None
    }

    /// Returns true if the day fits. If both day fields are restricted, either is enough, as in
    /// cron.
    fn day_fits(&self, day: i8, weekday: Weekday) -> bool {
        let by_day = self.days & (1 << day) != 0;
        let by_weekday = self.weekdays & (1 << weekday.to_sunday_zero_offset()) != 0;
        if self.any_day || self.any_weekday { by_day && by_weekday } else { by_day || by_weekday }
    }
}

fn bits(field: &str, low: u32, high: u32, names: &[&str]) -> Option<u64> {
    let mut out = 0u64;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((r, s)) => (r, s.parse::<u32>().ok().filter(|s| *s > 0)?),
            None => (part, 1),
        };
        let number = |s: &str| -> Option<u32> {
            let named = names
                .iter()
                .position(|n| s.eq_ignore_ascii_case(n))
                .and_then(|i| u32::try_from(i).ok())
                // Months are counted from 1, weekdays from 0.
                .map(|i| i + low);
            named.or_else(|| s.parse().ok()).filter(|n| (low..=high).contains(n))
        };
        let (first, last) = match (range, range.split_once('-')) {
            ("*" | "?", _) => (low, if high == 7 { 6 } else { high }),
            (_, Some((a, b))) => (number(a)?, number(b)?),
            (one, None) if part.contains('/') => (number(one)?, high),
            (one, None) => (number(one)?, number(one)?),
        };
        if first > last {
            return None;
        }
        for n in (first..=last).step_by(step as usize) {
            out |= 1 << n;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, from: &str) -> String {
        let t: Timestamp = from.parse().unwrap();
        let s = Schedule::parse(schedule).unwrap();
        s.after(t, &TimeZone::UTC).unwrap().to_string()
    }

    #[test]
    fn the_next_moment() {
        for (schedule, from, to) in [
            ("*/5 * * * *", "2026-03-01T10:02:30Z", "2026-03-01T10:05:00Z"),
            ("*/5 * * * *", "2026-03-01T10:05:00Z", "2026-03-01T10:10:00Z"),
            ("0 2 * * *", "2026-02-28T03:00:00Z", "2026-03-01T02:00:00Z"),
            ("30 4 1 * *", "2026-12-01T04:30:00Z", "2027-01-01T04:30:00Z"),
            ("0 0 * * mon-fri", "2026-03-06T12:00:00Z", "2026-03-09T00:00:00Z"),
            ("0 0 13 * 5", "2026-03-01T00:00:00Z", "2026-03-06T00:00:00Z"),
            ("0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 12 * * 7", "2026-03-02T00:00:00Z", "2026-03-08T12:00:00Z"),
            ("@hourly", "2026-03-02T23:10:00Z", "2026-03-03T00:00:00Z"),
            ("0 0 1 jan *", "2026-03-02T23:10:00Z", "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(next(schedule, from), to, "{schedule} after {from}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "* * * *", "60 * * * *", "*/0 * * * *", "5-1 * * * *", "a * * * *"] {
            assert!(Schedule::parse(bad).is_err(), "{bad}");
        }
    }
}
