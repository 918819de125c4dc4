//! Durations as they are said: `5.minutes()`.

use std::time::Duration;

/// Makes a [`Duration`] of a number, read as in English.
///
/// A sum that no [`Duration`] can hold is cut to [`Duration::MAX`].
///
/// ```
/// use std::time::Duration;
/// use apsched_core::DurationUnit;
///
/// assert_eq!(5.minutes(), Duration::from_secs(300));
/// assert_eq!(1.hours() + 30.seconds(), Duration::from_secs(3_630));
/// assert_eq!(u64::MAX.weeks(), Duration::MAX);
/// ```
///
/// A day is 24 hours and a week seven of these, whatever the clocks of a zone do: for "the same time tomorrow" ask a
/// [`CalendarIntervalTrigger`](crate::trigger::CalendarIntervalTrigger).
pub trait DurationUnit: Sized {
    /// This many milliseconds.
    fn milliseconds(self) -> Duration;
    /// This many seconds.
    fn seconds(self) -> Duration;
    /// This many minutes.
    fn minutes(self) -> Duration;
    /// This many hours.
    fn hours(self) -> Duration;
    /// This many times 24 hours.
    fn days(self) -> Duration;
    /// This many times seven days.
    fn weeks(self) -> Duration;
}

/// For `u64` alone, so that a plain number such as the `5` of `5.minutes()` needs no type.
impl DurationUnit for u64 {
    fn milliseconds(self) -> Duration {
        Duration::from_millis(self)
    }

    fn seconds(self) -> Duration {
        Duration::from_secs(self)
    }

    fn minutes(self) -> Duration {
        times(self, 60)
    }

    fn hours(self) -> Duration {
        times(self, 3_600)
    }

    fn days(self) -> Duration {
        times(self, 86_400)
    }

    fn weeks(self) -> Duration {
        times(self, 604_800)
    }
}

fn times(count: u64, seconds: u64) -> Duration {
    count.checked_mul(seconds).map_or(Duration::MAX, Duration::from_secs)
}
