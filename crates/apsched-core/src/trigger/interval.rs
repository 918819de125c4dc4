//! Fires again and again after a fixed elapsed time.
//!
//! The fire times are `start + n * every`, calculated in whole microseconds from the start: nothing drifts, and an
//! answer costs one division however long ago the start is. Elapsed time knows no zone, so daylight saving never
//! bends it; for "every day at nine" there are the calendar interval and cron.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::resolution::{floor, instant, micros_floor};
use super::span::{Span, UNITS, micros_of};
use super::{Trigger, TriggerError};

/// Fires every so often, counted in elapsed time from its start; the first fire time *is* the start.
///
/// Resolution: microseconds. Default start: the moment at which it is added. Default end: none. Daylight saving does
/// not bend it: "every 24 hours" is at another time of day after a clock change (for a fixed time of day, see
/// [`CalendarIntervalTrigger`](super::CalendarIntervalTrigger)). Nothing drifts, and the start may be long ago.
///
/// ```
/// use std::time::Duration;
///
/// use apsched_core::trigger::{IntervalTrigger, Trigger};
/// use chrono::{DateTime, Utc};
///
/// let start: DateTime<Utc> = "2000-01-01T00:00:00Z".parse()?;
/// let trigger = IntervalTrigger::every(Duration::from_secs(90)).starting_at(start);
/// assert_eq!(trigger.to_string(), "every 1 minute 30 seconds from 2000-01-01T00:00:00Z");
///
/// let after: DateTime<Utc> = "2026-01-01T00:00:00Z".parse()?;
/// assert_eq!(trigger.next_after(after)?, Some("2026-01-01T00:01:30Z".parse()?));
///
/// // A duration of zero is an error when the trigger is first used.
/// let error = IntervalTrigger::every(Duration::ZERO).next_after(after).unwrap_err();
/// assert_eq!(error.to_string(), "interval trigger, every: expected at least one microsecond, found 0ns");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Definition", into = "Definition")]
pub struct IntervalTrigger {
    every: Duration,
    bounds: Bounds,
}

/// The stored form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    every: Span,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_time: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end_time: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    anchored_at: Option<DateTime<Utc>>,
}

impl IntervalTrigger {
    /// Fires once per `every`. Parts of a microsecond are dropped.
    ///
    /// Less than a microsecond, or more than 292,000 years, is an error when the trigger is first used, since this
    /// cannot fail; [`builder`](Self::builder) tells at once.
    pub fn every(every: Duration) -> Self {
        let every = Duration::new(every.as_secs(), every.subsec_micros() * 1_000);
        Self { every, bounds: Bounds::default() }
    }

    /// Sets the interval by units, which add up and may have fractions.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use apsched_core::trigger::IntervalTrigger;
    ///
    /// let trigger = IntervalTrigger::builder().hours(1).minutes(0.5).build()?;
    /// assert_eq!(trigger, IntervalTrigger::every(Duration::from_secs(3_630)));
    /// # Ok::<(), apsched_core::trigger::TriggerError>(())
    /// ```
    pub fn builder() -> IntervalTriggerBuilder {
        IntervalTriggerBuilder::default()
    }

    /// The same interval, with `start_time` as its first fire time.
    #[must_use]
    pub fn starting_at<Tz: TimeZone>(mut self, start_time: DateTime<Tz>) -> Self {
        self.bounds.start_time = Some(floor(start_time.to_utc()));
        self
    }

    /// The same interval, ending at `end_time`, which may still be a fire time.
    #[must_use]
    pub fn ending_at<Tz: TimeZone>(mut self, end_time: DateTime<Tz>) -> Self {
        self.bounds.end_time = Some(floor(end_time.to_utc()));
        self
    }

    /// The interval.
    pub fn interval(&self) -> Duration {
        self.every
    }

    /// The start that the user gave.
    pub fn start_time(&self) -> Option<DateTime<Utc>> {
        self.bounds.start_time
    }

    /// The last instant at which it may fire.
    pub fn end_time(&self) -> Option<DateTime<Utc>> {
        self.bounds.end_time
    }

    pub(crate) fn anchored_at(&self, at: DateTime<Utc>) -> Self {
        Self { bounds: self.bounds.anchored_at(at), ..*self }
    }

    pub(crate) fn is_same_definition(&self, other: &Self) -> bool {
        self.every == other.every && self.bounds.is_same_definition(&other.bounds)
    }

    /// The interval in microseconds, if it can be used.
    fn checked_micros(&self) -> Result<u64, TriggerError> {
        let invalid = |expected: &str| {
            Err(TriggerError::invalid(
                "interval trigger",
                "every",
                expected.to_owned(),
                format!("{:?}", self.every),
            ))
        };
        match i64::try_from(self.every.as_micros()) {
            Ok(0) => invalid("at least one microsecond"),
            Ok(micros) => Ok(micros.unsigned_abs()),
            Err(_) => invalid("at most 292,000 years"),
        }
    }

    fn check(&self) -> Result<(), TriggerError> {
        self.checked_micros()?;
        self.bounds.check("interval trigger")
    }
}

impl Trigger for IntervalTrigger {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        let every = self.checked_micros()?;
        self.bounds.check("interval trigger")?;
        let (start, after) = (micros_floor(self.bounds.start()), micros_floor(after));
        let next = if after < start {
            Some(start)
        } else {
            // The distance fits: both are within chrono's range, which is less than 2^64 microseconds.
            let into = after.abs_diff(start) % every;
            after.checked_add_unsigned(every - into)
        };
        Ok(next.and_then(instant).filter(|next| self.bounds.contains_end(*next)))
    }
}

/// `every 1 hour 30 minutes from 2026-01-01T00:00:00Z`.
impl fmt::Display for IntervalTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "every {}{}", Span(self.every), self.bounds)
    }
}

impl TryFrom<Definition> for IntervalTrigger {
    type Error = TriggerError;

    fn try_from(definition: Definition) -> Result<Self, TriggerError> {
        let Definition { every, start_time, end_time, anchored_at } = definition;
        let trigger = Self { every: every.0, bounds: Bounds::new(start_time, end_time, anchored_at) };
        trigger.check()?;
        Ok(trigger)
    }
}

impl From<IntervalTrigger> for Definition {
    fn from(trigger: IntervalTrigger) -> Self {
        let Bounds { start_time, end_time, anchored_at } = trigger.bounds;
        Self { every: Span(trigger.every), start_time, end_time, anchored_at }
    }
}

/// Sets an [`IntervalTrigger`] by units; see [`IntervalTrigger::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is made before `build`"]
pub struct IntervalTriggerBuilder {
    /// By unit, in the order of [`UNITS`].
    counts: [f64; UNITS.len()],
    bounds: Bounds,
}

impl IntervalTriggerBuilder {
    /// Weeks of 7 times 24 hours, with or without a fraction. Default: 0.
    pub fn weeks(self, weeks: impl Into<f64>) -> Self {
        self.unit(0, weeks.into())
    }

    /// Days of 24 hours, with or without a fraction. Default: 0.
    pub fn days(self, days: impl Into<f64>) -> Self {
        self.unit(1, days.into())
    }

    /// Hours, with or without a fraction. Default: 0.
    pub fn hours(self, hours: impl Into<f64>) -> Self {
        self.unit(2, hours.into())
    }

    /// Minutes, with or without a fraction. Default: 0.
    pub fn minutes(self, minutes: impl Into<f64>) -> Self {
        self.unit(3, minutes.into())
    }

    /// Seconds, with or without a fraction. Default: 0.
    pub fn seconds(self, seconds: impl Into<f64>) -> Self {
        self.unit(4, seconds.into())
    }

    /// Microseconds, rounded to whole ones. Default: 0.
    pub fn microseconds(self, microseconds: impl Into<f64>) -> Self {
        self.unit(5, microseconds.into())
    }

    /// The first fire time. Default: the moment at which the trigger is added to a scheduler.
    pub fn start_time<Tz: TimeZone>(mut self, start_time: DateTime<Tz>) -> Self {
        self.bounds.start_time = Some(floor(start_time.to_utc()));
        self
    }

    /// The last instant at which it may fire. Default: none.
    pub fn end_time<Tz: TimeZone>(mut self, end_time: DateTime<Tz>) -> Self {
        self.bounds.end_time = Some(floor(end_time.to_utc()));
        self
    }

    /// Makes the trigger.
    ///
    /// # Errors
    ///
    /// [`TriggerError::InvalidField`] when a number is negative or not finite, when the sum is zero or longer than
    /// 292,000 years, and when the end is before the start.
    pub fn build(self) -> Result<IntervalTrigger, TriggerError> {
        let mut total = 0_u64;
        for ((unit, length), count) in UNITS.into_iter().zip(self.counts) {
            total =
                micros_of(count, length).and_then(|micros| total.checked_add(micros)).ok_or_else(|| {
                    let expected = "a finite number, zero or more, of at most 292,000 years".to_owned();
                    TriggerError::invalid("interval trigger", unit, expected, count.to_string())
                })?;
        }
        let trigger = IntervalTrigger { every: Duration::from_micros(total), bounds: self.bounds };
        trigger.check()?;
        Ok(trigger)
    }

    fn unit(mut self, unit: usize, count: f64) -> Self {
        self.counts[unit] = count;
        self
    }
}
