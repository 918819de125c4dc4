//! A cron trigger, field by field.

use std::fmt;

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::CronTrigger;
use super::definition::{Definition, FieldTexts};
use super::field::Field;
use crate::trigger::{DstPolicy, TriggerError};

/// Makes a [`CronTrigger`] from the fields that are given; all of them must match.
///
/// A field takes a number or a text. At least one must be given. Fields left out below the least significant
/// given one take their minimum, those above it are `*`; `week` and `day_of_week` are always `*` when left
/// out.
///
/// ```
/// use apsched_core::trigger::CronTrigger;
/// use chrono_tz::Tz;
///
/// let trigger = CronTrigger::builder()
///     .day("2nd fri, last")
///     .hour(9)
///     .timezone(Tz::Europe__Berlin)
///     .build()?;
/// assert_eq!(
///     trigger.describe(),
///     "at 09:00 on the second Friday and the last day of every month, Europe/Berlin time"
/// );
///
/// // Only a date that never comes is refused.
/// assert!(CronTrigger::builder().month("feb").day(30).build().is_err());
/// # Ok::<(), apsched_core::trigger::TriggerError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct CronTriggerBuilder {
    texts: [Option<String>; 8],
    timezone: Tz,
    dst: Option<DstPolicy>,
    start_time: Option<DateTime<Utc>>,
    end_time: Option<DateTime<Utc>>,
}

impl CronTriggerBuilder {
    /// Years, 1970–9999.
    pub fn year(self, value: impl fmt::Display) -> Self {
        self.field(Field::Year, value)
    }

    /// Months, 1–12 or `jan`–`dec`.
    pub fn month(self, value: impl fmt::Display) -> Self {
        self.field(Field::Month, value)
    }

    /// Days of the month, 1–31; also `last` or `L`, `L-3` (three days before the last), `15W` (the weekday
    /// nearest to the 15th), `LW` (the last weekday), `2nd fri` and `last sun`.
    ///
    /// In a month that does not have the day, nothing fires: `31` skips April, `29` skips February in most
    /// years.
    pub fn day(self, value: impl fmt::Display) -> Self {
        self.field(Field::Day, value)
    }

    /// ISO 8601 weeks, 1–53. They begin on Monday; week 1 has the year's first Thursday. Only some years have
    /// a week 53.
    pub fn week(self, value: impl fmt::Display) -> Self {
        self.field(Field::Week, value)
    }

    /// Weekdays, 0–7 (0 and 7 are Sunday) or `mon`–`sun`; ranges may wrap (`sat-mon`). Also `5L` or `friL`
    /// (the last Friday of the month) and `fri#2` (the second).
    pub fn day_of_week(self, value: impl fmt::Display) -> Self {
        self.field(Field::DayOfWeek, value)
    }

    /// Hours, 0–23.
    pub fn hour(self, value: impl fmt::Display) -> Self {
        self.field(Field::Hour, value)
    }

    /// Minutes, 0–59.
    pub fn minute(self, value: impl fmt::Display) -> Self {
        self.field(Field::Minute, value)
    }

    /// Seconds, 0–59.
    pub fn second(self, value: impl fmt::Display) -> Self {
        self.field(Field::Second, value)
    }

    /// The zone whose wall clock the fields are about. Default: UTC.
    pub fn timezone(mut self, zone: Tz) -> Self {
        self.timezone = zone;
        self
    }

    /// What happens to times that a clock change skips or repeats.
    ///
    /// Default: [`DstPolicy::REAL_TIME`] if the hour or the minute is `*`, a range or a step, else
    /// [`DstPolicy::FIXED_TIME`].
    pub fn dst(mut self, policy: DstPolicy) -> Self {
        self.dst = Some(policy);
        self
    }

    /// The earliest time at which it may fire; a fraction of a second is rounded up. Default: when the
    /// schedule is added.
    pub fn start_time<Z: TimeZone>(mut self, time: DateTime<Z>) -> Self {
        self.start_time = Some(time.to_utc());
        self
    }

    /// The latest time at which it may fire. Default: none.
    pub fn end_time<Z: TimeZone>(mut self, time: DateTime<Z>) -> Self {
        self.end_time = Some(time.to_utc());
        self
    }

    /// The trigger.
    ///
    /// # Errors
    /// - [`TriggerError::CronField`] if the text of a field cannot be read.
    /// - [`TriggerError::NoCronField`] if no field is given.
    /// - [`TriggerError::NeverFires`] if no date matches (30 February), or none between the start and the end
    ///   time.
    pub fn build(self) -> Result<CronTrigger, TriggerError> {
        let texts = FieldTexts::new(self.texts.each_ref().map(Option::as_deref))?;
        let mut trigger = CronTrigger::new(Definition::Fields(texts), self.timezone, self.dst)?;
        trigger.start_time = self.start_time;
        trigger.end_time = self.end_time;
        trigger.with_checked_window()
    }

    fn field(mut self, field: Field, value: impl fmt::Display) -> Self {
        self.texts[field as usize] = Some(value.to_string());
        self
    }
}
