//! When is a job too late to start? Pure.
//!
//! It may start at its deadline, and is late one microsecond after it, the smallest time that there is.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::instant;

/// Latest start of a job that is due at `run_at`.
///
/// `None` as grace: never too late. Zero: any delay misfires. The grace counts from the jittered time, because a
/// delay that was asked for is not a misfire.
///
/// ```
/// use std::time::Duration;
/// use apsched_core::schedule::start_deadline;
/// use chrono::{DateTime, TimeDelta, Utc};
///
/// let noon: DateTime<Utc> = "2026-01-01T12:00:00Z".parse()?;
/// assert_eq!(start_deadline(noon, Some(Duration::from_secs(15))), Some(noon + TimeDelta::seconds(15)));
/// assert_eq!(start_deadline(noon, None), None);
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[must_use]
pub fn start_deadline(run_at: DateTime<Utc>, grace: Option<Duration>) -> Option<DateTime<Utc>> {
    grace.map(|grace| instant::after(run_at, grace))
}

/// Whether a job with this start deadline must not start any more at `now`.
///
/// ```
/// use apsched_core::schedule::{has_missed, missed_at};
/// use chrono::{DateTime, TimeDelta, Utc};
///
/// let deadline: DateTime<Utc> = "2026-01-01T12:00:00Z".parse()?;
/// assert!(!has_missed(deadline, deadline));
/// assert!(has_missed(deadline, deadline + TimeDelta::microseconds(1)));
/// assert_eq!(missed_at(deadline), deadline + TimeDelta::microseconds(1));
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[must_use]
pub fn has_missed(deadline: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    deadline < now
}

/// First instant at which a job that still waits has missed this start deadline.
#[must_use]
pub fn missed_at(deadline: DateTime<Utc>) -> DateTime<Utc> {
    instant::after(deadline, Duration::from_micros(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_late_from_the_first_instant_after_its_deadline() {
        for second in [-1, 0, 1_767_225_600] {
            let deadline = DateTime::from_timestamp(second, 999_999_000).unwrap();
            let missed = missed_at(deadline);
            assert!(has_missed(deadline, missed), "{deadline}");
            assert!(!has_missed(deadline, instant::before(missed, Duration::from_micros(1))), "{deadline}");
        }
    }
}
