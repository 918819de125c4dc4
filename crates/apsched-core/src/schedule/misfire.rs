//! When is a job too late to start? Pure.

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
