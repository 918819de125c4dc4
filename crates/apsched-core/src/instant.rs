//! Arithmetic on instants that cannot overflow: the resolution is one microsecond, the ends of time hold.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// `at` without what is smaller than a microsecond, the resolution every store keeps.
///
/// ```
/// use apsched_core::instant;
/// use chrono::{DateTime, Utc};
///
/// let at: DateTime<Utc> = "2026-01-01T00:00:00.123456789Z".parse()?;
/// assert_eq!(instant::to_micros(at).to_rfc3339(), "2026-01-01T00:00:00.123456+00:00");
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[must_use]
pub fn to_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(6)
}

/// `at + duration`, cut to microseconds; the end of time when the sum lies beyond it.
#[must_use]
pub fn after(at: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    let sum = delta(duration).and_then(|delta| at.checked_add_signed(delta));
    sum.map_or(DateTime::<Utc>::MAX_UTC, to_micros)
}

/// `at - duration`, cut to microseconds; the beginning of time when the difference lies before it.
#[must_use]
pub fn before(at: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    let difference = delta(duration).and_then(|delta| at.checked_sub_signed(delta));
    difference.map_or(DateTime::<Utc>::MIN_UTC, to_micros)
}

/// Time from `earlier` to `later`; zero when `later` is not later.
#[must_use]
pub fn between(earlier: DateTime<Utc>, later: DateTime<Utc>) -> Duration {
    (later - earlier).to_std().unwrap_or_default()
}

fn delta(duration: Duration) -> Option<TimeDelta> {
    TimeDelta::from_std(duration).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_time_hold() {
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(after(now, Duration::MAX), DateTime::<Utc>::MAX_UTC);
        assert_eq!(before(now, Duration::MAX), DateTime::<Utc>::MIN_UTC);
        assert_eq!(between(now, before(now, Duration::from_secs(1))), Duration::ZERO);
        assert_eq!(between(now, after(now, Duration::from_micros(3))), Duration::from_micros(3));
    }
}
