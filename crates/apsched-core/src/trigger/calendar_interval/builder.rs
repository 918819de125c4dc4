//! Sets a calendar interval by units, and checks it.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::dates::LAST_YEAR;
use super::{CalendarIntervalTrigger, Definition, KIND, year_start};
use crate::trigger::civil::instants;
use crate::trigger::{DstPolicy, Trigger, TriggerError};

/// Sets a [`CalendarIntervalTrigger`]; see [`CalendarIntervalTrigger::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing is made before `build`"]
pub struct CalendarIntervalTriggerBuilder {
    /// Years, months, weeks and days.
    counts: [u32; 4],
    /// Hour, minute and second.
    time: [u32; 3],
    timezone: Tz,
    dst: DstPolicy,
    start: Option<Start>,
    end_time: Option<DateTime<Utc>>,
}

/// How the start was given.
#[derive(Clone, Copy, Debug)]
enum Start {
    Time(DateTime<Utc>),
    Date(NaiveDate),
}

impl Default for CalendarIntervalTriggerBuilder {
    fn default() -> Self {
        Self {
            counts: [0; 4],
            time: [0; 3],
            timezone: Tz::UTC,
            dst: DstPolicy::FIXED_TIME,
            start: None,
            end_time: None,
        }
    }
}

impl CalendarIntervalTriggerBuilder {
    /// Years, added to the date together with the months. Default: 0.
    pub fn years(mut self, years: u32) -> Self {
        self.counts[0] = years;
        self
    }

    /// Months, added to the date before weeks and days. Default: 0.
    pub fn months(mut self, months: u32) -> Self {
        self.counts[1] = months;
        self
    }

    /// Weeks of seven days. Default: 0.
    pub fn weeks(mut self, weeks: u32) -> Self {
        self.counts[2] = weeks;
        self
    }

    /// Days. Default: 0.
    pub fn days(mut self, days: u32) -> Self {
        self.counts[3] = days;
        self
    }

    /// Hour of the wall clock, 0 to 23. Default: 0.
    pub fn hour(mut self, hour: u32) -> Self {
        self.time[0] = hour;
        self
    }

    /// Minute of the wall clock, 0 to 59. Default: 0.
    pub fn minute(mut self, minute: u32) -> Self {
        self.time[1] = minute;
        self
    }

    /// Second of the wall clock, 0 to 59. Default: 0.
    pub fn second(mut self, second: u32) -> Self {
        self.time[2] = second;
        self
    }

    /// The zone whose wall clock it goes by. Default: UTC.
    pub fn timezone(mut self, timezone: Tz) -> Self {
        self.timezone = timezone;
        self
    }

    /// What happens when a clock change skips or repeats the time of day. Default: [`DstPolicy::FIXED_TIME`], once on
    /// every matching day.
    pub fn dst(mut self, dst: DstPolicy) -> Self {
        self.dst = dst;
        self
    }

    /// Counts from the date of this instant in the zone, and fires at nothing before the instant.
    ///
    /// Default: the moment at which the trigger is added. Replaces a [`start_date`](Self::start_date).
    pub fn start_time<Z: TimeZone>(mut self, start_time: DateTime<Z>) -> Self {
        self.start = Some(Start::Time(start_time.to_utc()));
        self
    }

    /// Counts from this date in the zone: the first fire time is on it. Replaces a [`start_time`](Self::start_time).
    pub fn start_date(mut self, start_date: NaiveDate) -> Self {
        self.start = Some(Start::Date(start_date));
        self
    }

    /// The last instant at which it may fire. Default: none.
    pub fn end_time<Z: TimeZone>(mut self, end_time: DateTime<Z>) -> Self {
        self.end_time = Some(end_time.to_utc());
        self
    }

    /// Makes the trigger.
    ///
    /// # Errors
    ///
    /// - [`TriggerError::InvalidField`]: a number is out of its range, the interval is shorter than a day, the start is
    ///   not within the years 1 to 9999, or the end is before the start.
    /// - [`TriggerError::NeverFires`]: no fire time lies between start and end.
    pub fn build(self) -> Result<CalendarIntervalTrigger, TriggerError> {
        let [years, months, weeks, days] = self.counts;
        let [hour, minute, second] = self.time;
        let trigger = CalendarIntervalTrigger::try_from(Definition {
            years,
            months,
            weeks,
            days,
            hour,
            minute,
            second,
            timezone: self.timezone,
            dst: self.dst,
            start_time: self.checked_start_time()?,
            end_time: self.end_time,
            anchored_at: None,
        })?;
        if trigger.bounds.start_time.is_some() && trigger.next_after(DateTime::<Utc>::MIN_UTC)?.is_none() {
            return Err(TriggerError::NeverFires {
                trigger: trigger.to_string().into(),
                reason: "it has no fire time between its start and its end".into(),
            });
        }
        Ok(trigger)
    }

    /// The start as an instant: midnight where a date was given, or the first instant of a date without midnight.
    fn checked_start_time(&self) -> Result<Option<DateTime<Utc>>, TriggerError> {
        let (field, start_time, found) = match self.start {
            None => return Ok(None),
            Some(Start::Time(time)) => ("start_time", Some(time), time.to_string()),
            Some(Start::Date(date)) => {
                let midnight = instants(date.and_time(NaiveTime::MIN), self.timezone, DstPolicy::FIXED_TIME);
                ("start_date", midnight.into_iter().next(), date.to_string())
            }
        };
        match start_time.filter(|time| (year_start(1)..year_start(LAST_YEAR + 1)).contains(time)) {
            Some(time) => Ok(Some(time)),
            None => Err(TriggerError::invalid(KIND, field, "a time in the years 1 to 9999", found)),
        }
    }
}
