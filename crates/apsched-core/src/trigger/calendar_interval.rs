//! Fires every so many years, months, weeks and days, at one wall-clock time.
//!
//! The dates are `calendar_interval/dates.rs`; what becomes of a time of day that a clock change skips or repeats is
//! `civil.rs`. This file puts the two together.

use std::fmt;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

pub use self::builder::CalendarIntervalTriggerBuilder;
use self::dates::{DateStep, LAST_YEAR};
use super::bounds::Bounds;
use super::civil::instants;
use super::resolution::floor;
use super::{DstPolicy, Fold, Gap, Trigger, TriggerError};

mod builder;
mod dates;

const KIND: &str = "calendar interval trigger";

/// Years, months, weeks and days that no calendar interval exceeds: the span of [`LAST_YEAR`].
const MAX_COUNTS: [u32; 4] = [9_999, 119_999, 521_774, 3_652_424];

/// Fires every so many years, months, weeks and days, at one wall-clock time.
///
/// From one date to the next, first years and months are added, keeping the day of the month, and again until that date
/// exists; then weeks and days. So the 31st monthly skips the short months, and 29 February yearly skips to leap years.
///
/// It counts from the date that its start has in its zone (default: the moment at which it is added), and fires at
/// nothing before the start: added at noon, "every month at 10:00" first fires a month later. What happens on days on
/// which a clock change skips or repeats the time of day is its [`DstPolicy`]. It ends with the year 9999.
///
/// ```
/// use apsched_core::trigger::{CalendarIntervalTrigger, TriggerExt};
/// use chrono::{DateTime, Utc};
/// use chrono_tz::Tz;
///
/// let trigger = CalendarIntervalTrigger::builder()
///     .years(1)
///     .hour(8)
///     .timezone(Tz::Europe__Berlin)
///     .start_date("2096-02-29".parse()?)
///     .build()?;
///
/// // 2100 is no leap year.
/// let start: DateTime<Utc> = "2096-01-01T00:00:00Z".parse()?;
/// let fire_times: Vec<String> = trigger.preview_after(start, 2)?.iter().map(ToString::to_string).collect();
/// assert_eq!(fire_times, ["2096-02-29 07:00:00 UTC", "2104-02-29 07:00:00 UTC"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An answer takes constant time where the interval has only years and months or only weeks and days. Where it has both,
/// the day of the month wanders, and the dates since the start are walked, at most twelve a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Definition", into = "Definition")]
pub struct CalendarIntervalTrigger {
    years: u32,
    months: u32,
    weeks: u32,
    days: u32,
    hour: u8,
    minute: u8,
    second: u8,
    timezone: Tz,
    dst: DstPolicy,
    bounds: Bounds,
}

impl CalendarIntervalTrigger {
    /// Sets the interval by units, at least one day, and the time of day.
    ///
    /// ```
    /// use apsched_core::trigger::CalendarIntervalTrigger;
    ///
    /// let trigger = CalendarIntervalTrigger::builder().weeks(2).hour(9).minute(30).build()?;
    /// assert_eq!(trigger.to_string(), "every 2 weeks at 09:30:00 in UTC");
    ///
    /// let error = CalendarIntervalTrigger::builder().weeks(2).hour(24).build().unwrap_err();
    /// assert_eq!(error.to_string(), "calendar interval trigger, hour: expected 0 to 23, found 24");
    /// # Ok::<(), apsched_core::trigger::TriggerError>(())
    /// ```
    pub fn builder() -> CalendarIntervalTriggerBuilder {
        CalendarIntervalTriggerBuilder::default()
    }

    /// Years that a question about `after` walks; none where the step has only months or only days.
    pub(crate) fn years_to_walk(&self, after: DateTime<Utc>) -> u32 {
        let is_walked = (self.years > 0 || self.months > 0) && (self.weeks > 0 || self.days > 0);
        let years = after.year() - self.bounds.start().year();
        if is_walked { u32::try_from(years).unwrap_or(0) } else { 0 }
    }

    /// The zone whose wall clock it goes by.
    pub fn timezone(&self) -> Tz {
        self.timezone
    }

    /// What it does when a clock change skips or repeats its time of day.
    pub fn dst(&self) -> DstPolicy {
        self.dst
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
        Self { bounds: other.bounds, ..*self } == *other && self.bounds.is_same_definition(&other.bounds)
    }

    fn step(&self) -> DateStep {
        DateStep { months: self.years * 12 + self.months, days: self.weeks * 7 + self.days }
    }

    fn time(&self) -> NaiveTime {
        NaiveTime::from_hms_opt(self.hour.into(), self.minute.into(), self.second.into())
            .expect("the time of day was checked when the trigger was made")
    }

    /// The date that `at` has in the zone.
    fn date(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.timezone).date_naive()
    }
}

impl Trigger for CalendarIntervalTrigger {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        let start = self.bounds.start().max(year_start(0));
        let after = self.bounds.clamp_after(floor(after)).max(year_start(0));
        if after >= year_start(LAST_YEAR + 2) || start >= year_start(LAST_YEAR + 2) {
            return Ok(None);
        }
        // A clock change may put the fire time of a date on the next one (Apia skipped a whole day), or show the end of
        // a date again on the next. Two days back is one more than any zone needs.
        let from = self.date(after).checked_sub_days(Days::new(2)).unwrap_or(NaiveDate::MIN);
        let (step, time) = (self.step(), self.time());
        let mut next_date = step.at_or_after(self.date(start), from);
        while let Some(date) = next_date {
            let fire_times = instants(date.and_time(time), self.timezone, self.dst);
            if let Some(fire_time) = fire_times.into_iter().find(|fire_time| *fire_time > after) {
                return Ok(Some(fire_time).filter(|fire_time| self.bounds.contains_end(*fire_time)));
            }
            next_date = step.next(date);
        }
        Ok(None)
    }
}

/// `every 2 months at 10:00:00 in Europe/Berlin from 2022-06-07T08:00:00Z`.
impl fmt::Display for CalendarIntervalTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("every")?;
        for (count, unit) in
            [(self.years, "year"), (self.months, "month"), (self.weeks, "week"), (self.days, "day")]
        {
            match count {
                0 => {}
                1 => write!(f, " 1 {unit}")?,
                _ => write!(f, " {count} {unit}s")?,
            }
        }
        write!(f, " at {} in {}{}", self.time(), self.timezone, self.bounds)?;
        if self.dst == DstPolicy::FIXED_TIME {
            return Ok(());
        }
        let gap = match self.dst.gap {
            Gap::Skip => "skipped times do not fire",
            Gap::NextValid => "skipped times fire after the gap",
            Gap::ShiftForward => "skipped times are shifted forward",
        };
        let fold = match self.dst.fold {
            Fold::First => "repeated times fire the first time",
            Fold::Last => "repeated times fire the second time",
            Fold::Both => "repeated times fire twice",
        };
        write!(f, " ({gap}, {fold})")
    }
}

/// January 1 of `year`, midnight UTC.
fn year_start(year: i32) -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(year, 1, 1)
        .expect("a year within the range of chrono")
        .and_time(NaiveTime::MIN)
        .and_utc()
}

/// The stored form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    #[serde(default, skip_serializing_if = "is_zero")]
    years: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    months: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    weeks: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    days: u32,
    #[serde(default)]
    hour: u32,
    #[serde(default)]
    minute: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    second: u32,
    #[serde(default)]
    timezone: Tz,
    #[serde(default = "fixed_time")]
    dst: DstPolicy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_time: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end_time: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    anchored_at: Option<DateTime<Utc>>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn fixed_time() -> DstPolicy {
    DstPolicy::FIXED_TIME
}

impl TryFrom<Definition> for CalendarIntervalTrigger {
    type Error = TriggerError;

    fn try_from(definition: Definition) -> Result<Self, TriggerError> {
        let at_most = |field, value: u32, max: u32| {
            if value <= max {
                return Ok(value);
            }
            Err(TriggerError::invalid(KIND, field, format!("0 to {max}"), value.to_string()))
        };
        let of_day = |field, value, max: u8| {
            at_most(field, value, max.into())
                .map(|value| u8::try_from(value).expect("at most the maximum, a u8"))
        };
        let [max_years, max_months, max_weeks, max_days] = MAX_COUNTS;
        let Definition { start_time, end_time, anchored_at, timezone, dst, .. } = definition;
        let trigger = Self {
            years: at_most("years", definition.years, max_years)?,
            months: at_most("months", definition.months, max_months)?,
            weeks: at_most("weeks", definition.weeks, max_weeks)?,
            days: at_most("days", definition.days, max_days)?,
            hour: of_day("hour", definition.hour, 23)?,
            minute: of_day("minute", definition.minute, 59)?,
            second: of_day("second", definition.second, 59)?,
            timezone,
            dst,
            bounds: Bounds::new(start_time, end_time, anchored_at),
        };
        if trigger.step() == (DateStep { months: 0, days: 0 }) {
            let expected = "at least one day in years, months, weeks and days together";
            return Err(TriggerError::invalid(KIND, "days", expected, "none"));
        }
        trigger.bounds.check(KIND)?;
        Ok(trigger)
    }
}

impl From<CalendarIntervalTrigger> for Definition {
    fn from(trigger: CalendarIntervalTrigger) -> Self {
        let CalendarIntervalTrigger { years, months, weeks, days, timezone, dst, .. } = trigger;
        let Bounds { start_time, end_time, anchored_at } = trigger.bounds;
        Self {
            years,
            months,
            weeks,
            days,
            hour: trigger.hour.into(),
            minute: trigger.minute.into(),
            second: trigger.second.into(),
            timezone,
            dst,
            start_time,
            end_time,
            anchored_at,
        }
    }
}
