//! This machine's clock beside a cloud's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A difference up to here is no reason for a refusal: signatures hold for five minutes and more.
const TOLERATED: Duration = Duration::from_secs(4 * 60);

/// Returns by how much this machine's clock differs from a server's, if that makes signatures
/// invalid: `310 days (it is ahead)`. The server shows `server_s` seconds since 1970.
pub fn clock_skew(server_s: i64) -> Option<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    skew(i64::try_from(now.as_secs()).ok()?, server_s)
}

fn skew(here_s: i64, server_s: i64) -> Option<String> {
    let differs = Duration::from_secs(here_s.abs_diff(server_s));
    if differs <= TOLERATED {
        return None;
    }
    let minutes = differs.as_secs() / 60;
    let (count, unit) = match minutes {
        0..120 => (minutes, "minute"),
        120..2880 => (minutes / 60, "hour"),
        _ => (minutes / 60 / 24, "day"),
    };
    let s = if count == 1 { "" } else { "s" };
    let side = if here_s > server_s { "ahead" } else { "behind" };
    Some(format!("{count} {unit}{s} (it is {side})"))
}

/// The hint for a refusal that a wrong clock explains.
pub const CLOCK_HINT: &str =
    "set this machine's clock (`timedatectl` shows it), then run the same command again";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_as_people_read_them() {
        const DAY: i64 = 86_400;
        for (here, server, text) in [
            (1000, 1000, None),
            (1000, 1200, None),
            (1000, 1360, Some("6 minutes (it is behind)")),
            (3 * 3600, 0, Some("3 hours (it is ahead)")),
            (311 * DAY, DAY, Some("310 days (it is ahead)")),
        ] {
            assert_eq!(skew(here, server).as_deref(), text);
        }
    }
}
