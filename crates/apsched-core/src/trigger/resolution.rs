//! Instants as whole microseconds, the resolution of every built-in trigger.
//!
//! All of chrono's range (±262,000 years) fits into an `i64` of microseconds, so that triggers calculate on integers.

use chrono::{DateTime, Utc};

/// Whole microseconds since the Unix epoch, rounded down.
///
/// An instant within a leap second counts as the last microsecond before the next second.
pub(crate) fn micros_floor(at: DateTime<Utc>) -> i64 {
    let subsec = at.timestamp_subsec_micros().min(999_999);
    at.timestamp() * 1_000_000 + i64::from(subsec)
}

/// `at` without the part below a microsecond.
pub(crate) fn floor(at: DateTime<Utc>) -> DateTime<Utc> {
    instant(micros_floor(at)).unwrap_or(at)
}

/// `at`, or the next whole microsecond; `None` beyond the range of instants.
pub(crate) fn ceil(at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let floor = floor(at);
    if floor == at { Some(at) } else { instant(micros_floor(at) + 1) }
}

/// The instant `micros` after the Unix epoch; `None` beyond the range of instants.
pub(crate) fn instant(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}

/// The last instant before `at` on the grid of microseconds, so that "strictly after it" is "at or after `at`".
pub(crate) fn just_before(at: DateTime<Utc>) -> DateTime<Utc> {
    let floor = floor(at);
    if floor < at { floor } else { instant(micros_floor(at) - 1).unwrap_or(DateTime::<Utc>::MIN_UTC) }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn epoch_plus_nanos(nanos: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::nanoseconds(nanos)
    }

    #[test]
    fn parts_below_a_microsecond_are_rounded_down_also_before_the_epoch() {
        assert_eq!(micros_floor(epoch_plus_nanos(1_999)), 1);
        assert_eq!(micros_floor(epoch_plus_nanos(-1)), -1);
        assert_eq!(floor(epoch_plus_nanos(-1)), epoch_plus_nanos(-1_000));
        assert_eq!(ceil(epoch_plus_nanos(-1)), Some(epoch_plus_nanos(0)));
        assert_eq!(ceil(epoch_plus_nanos(1_000)), Some(epoch_plus_nanos(1_000)));
    }

    #[test]
    fn just_before_is_the_nearest_earlier_grid_point() {
        assert_eq!(just_before(epoch_plus_nanos(0)), epoch_plus_nanos(-1_000));
        assert_eq!(just_before(epoch_plus_nanos(1)), epoch_plus_nanos(0));
        assert_eq!(just_before(DateTime::<Utc>::MIN_UTC), DateTime::<Utc>::MIN_UTC);
    }

    #[test]
    fn ends_of_the_range_do_not_overflow() {
        for at in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            assert!((floor(at) - at).abs() < TimeDelta::microseconds(1));
        }
        assert_eq!(ceil(DateTime::<Utc>::MAX_UTC), None);
    }

    #[test]
    fn leap_second_belongs_to_the_second_before() {
        let leap: DateTime<Utc> = "2016-12-31T23:59:60.5Z".parse().unwrap();

        assert_eq!(floor(leap), "2016-12-31T23:59:59.999999Z".parse::<DateTime<Utc>>().unwrap());
        assert_eq!(ceil(leap), Some("2017-01-01T00:00:00Z".parse().unwrap()));
    }
}
