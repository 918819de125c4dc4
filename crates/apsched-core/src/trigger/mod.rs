//! Decides when a schedule fires.
//!
//! A [`Trigger`] is a value: asked for the first fire time after an instant, it answers from its definition alone. It
//! has no position and reads no clock. Preview, catching up after downtime, and simulation are therefore nothing but
//! questions, and asking changes nothing.
//!
//! | I want to fire … | trigger |
//! |---|---|
//! | once | [`DateTrigger`] |
//! | every so often, in elapsed time | [`IntervalTrigger`] |
//! | every so many days, weeks, months, years, at a time of day | [`CalendarIntervalTrigger`] |
//! | when the clock matches, as in a crontab | [`CronTrigger`] |
//! | when several triggers agree | [`AndTrigger`] |
//! | whenever one of several does | [`OrTrigger`] |
//! | by a rule of my own | [`CustomTrigger`] |
//!
//! Each of them becomes an [`AnyTrigger`], which is what schedules hold and stores keep. Below, each trigger by its plain
//! case and then by its surprising one.
//!
//! # Date
//!
//! ```
//! # use apsched_core::trigger::{DateTrigger, Trigger};
//! # use chrono::{DateTime, Utc};
//! # fn at(text: &str) -> DateTime<Utc> { text.parse().unwrap() }
//! let trigger = DateTrigger::at(at("2026-03-01T12:00:00Z"));
//! assert_eq!(trigger.next_after(at("2026-01-01T00:00:00Z"))?, Some(at("2026-03-01T12:00:00Z")));
//!
//! // "After" is strict: at its own fire time it is over.
//! assert_eq!(trigger.next_after(at("2026-03-01T12:00:00Z"))?, None);
//! # Ok::<(), apsched_core::trigger::TriggerError>(())
//! ```
//!
//! # Interval
//!
//! The start is the first fire time, and the others follow at equal distances in *elapsed* time.
//!
//! ```
//! # use apsched_core::trigger::{IntervalTrigger, TriggerExt};
//! # use chrono::{DateTime, Utc};
//! # fn at(text: &str) -> DateTime<Utc> { text.parse().unwrap() }
//! # use chrono_tz::Tz;
//! let daily = IntervalTrigger::builder().days(1).start_time(at("2026-03-28T08:00:00Z")).build()?;
//! let fire_times = daily.preview_after(at("2026-03-01T00:00:00Z"), 2)?;
//! assert_eq!(fire_times, [at("2026-03-28T08:00:00Z"), at("2026-03-29T08:00:00Z")]);
//!
//! // Surprise: in Berlin that is 09:00 on the first day and 10:00 on the second, as clocks go forward in between.
//! let hours = fire_times.iter().map(|t| t.with_timezone(&Tz::Europe__Berlin).format("%H:%M").to_string());
//! assert_eq!(hours.collect::<Vec<_>>(), ["09:00", "10:00"]);
//! # Ok::<(), apsched_core::trigger::TriggerError>(())
//! ```
//!
//! # Calendar interval
//!
//! Counts dates instead, and keeps the time of day.
//!
//! ```
//! # use apsched_core::trigger::{CalendarIntervalTrigger, TriggerExt};
//! # use chrono::{DateTime, NaiveDate, Utc};
//! # fn at(text: &str) -> DateTime<Utc> { text.parse().unwrap() }
//! # fn day(text: &str) -> NaiveDate { text.parse().unwrap() }
//! # use chrono_tz::Tz;
//! let daily = CalendarIntervalTrigger::builder()
//!     .days(1)
//!     .hour(9)
//!     .timezone(Tz::Europe__Berlin)
//!     .start_date(day("2026-03-28"))
//!     .build()?;
//! assert_eq!(
//!     daily.preview_after(at("2026-03-01T00:00:00Z"), 2)?,
//!     [at("2026-03-28T08:00:00Z"), at("2026-03-29T07:00:00Z")]
//! );
//!
//! // Surprise: a month without a 31st is skipped, not shortened. So is a year without a 29 February.
//! let monthly = CalendarIntervalTrigger::builder().months(1).start_date(day("2026-01-31")).build()?;
//! assert_eq!(
//!     monthly.preview_after(at("2026-01-01T00:00:00Z"), 3)?,
//!     [at("2026-01-31T00:00:00Z"), at("2026-03-31T00:00:00Z"), at("2026-05-31T00:00:00Z")]
//! );
//! # Ok::<(), apsched_core::trigger::TriggerError>(())
//! ```
//!
//! # Times of day that a clock change skips or repeats
//!
//! Calendar intervals and cron triggers ask a wall clock, which on some days shows a time never, or twice. By default a
//! fixed time of day fires exactly once on each matching day; [`DstPolicy`] says otherwise.
//!
//! ```
//! # use apsched_core::trigger::{CalendarIntervalTrigger, DstPolicy, TriggerExt};
//! # use chrono::{DateTime, NaiveDate, Utc};
//! # fn at(text: &str) -> DateTime<Utc> { text.parse().unwrap() }
//! # fn day(text: &str) -> NaiveDate { text.parse().unwrap() }
//! # use chrono_tz::Tz;
//! let daily = CalendarIntervalTrigger::builder().days(1).hour(2).minute(30).timezone(Tz::Europe__Berlin);
//!
//! // On 29 March 2026 the clock in Berlin jumps from 02:00 to 03:00: fires at 03:00, the first time that exists.
//! let once = daily.clone().start_date(day("2026-03-29")).build()?;
//! assert_eq!(once.preview_after(at("2026-03-01T00:00:00Z"), 1)?, [at("2026-03-29T01:00:00Z")]);
//!
//! // Taken literally, 02:30 does not exist on that day, and exists twice on 25 October.
//! let literal = daily.dst(DstPolicy::SKIP_AND_REPEAT).start_date(day("2026-03-29")).build()?;
//! assert_eq!(literal.preview_after(at("2026-03-01T00:00:00Z"), 1)?, [at("2026-03-30T00:30:00Z")]);
//! assert_eq!(literal.between(at("2026-10-25T00:00:00Z"), at("2026-10-25T02:00:00Z")).count(), 2);
//! # Ok::<(), apsched_core::trigger::TriggerError>(())
//! ```
//!
//! # Cron
//!
//! ```
//! # use apsched_core::trigger::{CronTrigger, TriggerExt};
//! # use chrono::{DateTime, Utc};
//! # fn at(text: &str) -> DateTime<Utc> { text.parse().unwrap() }
//! let weekdays = CronTrigger::from_crontab("0 9 * * mon-fri")?;
//! let friday = at("2026-08-07T00:00:00Z");
//! assert_eq!(weekdays.preview_after(friday, 2)?, [at("2026-08-07T09:00:00Z"), at("2026-08-10T09:00:00Z")]);
//!
//! // Surprise: where a crontab restricts both day and weekday, either may match.
//! let either = CronTrigger::from_crontab("0 0 13 * fri")?;
//! assert_eq!(either.preview_after(friday, 2)?, [at("2026-08-13T00:00:00Z"), at("2026-08-14T00:00:00Z")]);
//!
//! // By fields, all must match.
//! let both = CronTrigger::builder().day(13).day_of_week("fri").build()?;
//! assert_eq!(both.preview_after(friday, 1)?, [at("2026-11-13T00:00:00Z")]);
//! # Ok::<(), apsched_core::trigger::TriggerError>(())
//! ```
//!
//! # And, or
//!
//! ```
//! # use std::time::Duration;
//! # use apsched_core::trigger::{AndTrigger, CalendarIntervalTrigger, CronTrigger, OrTrigger, TriggerExt};
//! # use chrono::{DateTime, NaiveDate, Utc};
//! # fn at(text: &str) -> DateTime<Utc> { text.parse().unwrap() }
//! # fn day(text: &str) -> NaiveDate { text.parse().unwrap() }
//! let every_second_month =
//!     CalendarIntervalTrigger::builder().months(2).hour(10).start_date(day("2022-06-07")).build()?;
//! let weekdays = CronTrigger::builder().day_of_week("mon-fri").hour(10).build()?;
//! let weekends = CronTrigger::builder().day_of_week("sat-sun").hour(11).build()?;
//!
//! // 7 August 2022 is a Sunday.
//! let and = AndTrigger::builder().trigger(every_second_month).trigger(weekdays.clone()).build()?;
//! assert_eq!(
//!     and.preview_after(at("2022-01-01T00:00:00Z"), 3)?,
//!     [at("2022-06-07T10:00:00Z"), at("2022-10-07T10:00:00Z"), at("2022-12-07T10:00:00Z")]
//! );
//! let or = OrTrigger::new([weekdays, weekends])?;
//! assert_eq!(
//!     or.preview_after(at("2022-08-05T00:00:00Z"), 2)?,
//!     [at("2022-08-05T10:00:00Z"), at("2022-08-06T11:00:00Z")]
//! );
//!
//! // Surprise: a time belongs to one agreement only. With a threshold of a day this fires once a day, not twice.
//! let day_long = AndTrigger::builder()
//!     .trigger(CronTrigger::from_crontab("0 10 * * *")?)
//!     .trigger(CronTrigger::from_crontab("0 22 * * *")?)
//!     .threshold(Duration::from_secs(86_400))
//!     .build()?;
//! assert_eq!(
//!     day_long.preview_after(at("2026-01-01T00:00:00Z"), 2)?,
//!     [at("2026-01-01T10:00:00Z"), at("2026-01-02T10:00:00Z")]
//! );
//! # Ok::<(), apsched_core::trigger::TriggerError>(())
//! ```
//!
//! # When does it start?
//!
//! With its `start_time`, or at the moment at which it is added to a scheduler ([`AnyTrigger::anchored_at`]). An interval
//! that was never added counts from the Unix epoch, so that it can be tried out all the same.
//!
//! ```
//! # use std::time::Duration;
//! # use apsched_core::trigger::{AnyTrigger, IntervalTrigger};
//! # use chrono::{DateTime, Utc};
//! # fn at(text: &str) -> DateTime<Utc> { text.parse().unwrap() }
//! let hourly = AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(3_600)));
//! assert_eq!(hourly.first()?, Some(at("1970-01-01T00:00:00Z")));
//!
//! let added = hourly.anchored_at(at("2026-01-01T00:10:00Z"));
//! assert_eq!(added.first()?, Some(at("2026-01-01T00:10:00Z")));
//!
//! // It is still the same definition, whenever it was added.
//! assert!(added.is_same_definition(&hourly));
//! # Ok::<(), apsched_core::trigger::TriggerError>(())
//! ```
//!
//! # Not here
//!
//! What is done with the fire times (coalescing, misfires, jitter, limits) is decided for schedules, not by triggers.

mod and;
mod any;
mod bounds;
mod calendar_interval;
mod civil;
mod cron;
mod custom;
mod date;
mod end_time;
mod error;
mod interval;
mod latest;
#[cfg(feature = "scheduler")]
mod now;
mod or;
mod parts;
mod preview;
mod registry;
mod resolution;
mod span;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use and::{AndTrigger, AndTriggerBuilder};
pub use any::AnyTrigger;
pub use calendar_interval::{CalendarIntervalTrigger, CalendarIntervalTriggerBuilder};
pub use civil::{DstPolicy, Fold, Gap};
pub use cron::{CronTrigger, CronTriggerBuilder};
pub use custom::{CustomTrigger, NamedTrigger};
pub use date::DateTrigger;
pub use error::TriggerError;
pub use interval::{IntervalTrigger, IntervalTriggerBuilder};
pub use or::{OrTrigger, OrTriggerBuilder};
pub use preview::{Between, TriggerExt};
pub use registry::TriggerRegistry;

/// Says when something fires, as a pure function of its definition.
///
/// A trigger has no position: the only moving part of a schedule is the instant that it asks with. See the
/// [module](self) for the triggers that there are, and [`CustomTrigger`] for writing one.
///
/// # Behavior
///
/// - *Strictly increasing*: the answer is later than `after`.
/// - *Deterministic*: equal definitions give equal answers, on every machine and at every time.
/// - *Final*: where the answer is `None`, it is `None` for every later `after`.
/// - *Bounded*: an answer takes a bounded time, whatever `after` is.
///
/// A rule that continues from its previous fire time counts from a fixed start instead, as [`IntervalTrigger`] does.
/// An answer that is not later than what was asked with is reported as [`TriggerError::WentBackwards`] by everything
/// that goes on from it.
pub trait Trigger: fmt::Debug + fmt::Display + Send + Sync {
    /// The earliest fire time strictly later than `after`, or `None` when there is none any more.
    ///
    /// # Errors
    ///
    /// [`TriggerError`] when the trigger cannot tell, for example because its definition is not valid.
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError>;
}

impl<T: Trigger + ?Sized> Trigger for &T {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        (**self).next_after(after)
    }
}

impl<T: Trigger + ?Sized> Trigger for Box<T> {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        (**self).next_after(after)
    }
}

impl<T: Trigger + ?Sized> Trigger for Arc<T> {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        (**self).next_after(after)
    }
}

/// Asks `trigger`, and refuses an answer that is not later than `after`.
pub(crate) fn checked_next<T: Trigger + ?Sized>(
    trigger: &T,
    after: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, TriggerError> {
    match trigger.next_after(after)? {
        Some(answer) if answer <= after => Err(TriggerError::WentBackwards {
            trigger: TriggerError::excerpt(&trigger.to_string()),
            after,
            answer,
        }),
        answer => Ok(answer),
    }
}
