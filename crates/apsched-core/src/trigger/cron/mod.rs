//! Cron: fires at the times of a wall clock that match all fields, such as 09:00 from Monday to Friday in
//! Berlin.
//!
//! One question, one file:
//!
//! | question | file |
//! |---|---|
//! | what does a field mean? | `field.rs` |
//! | what can be written in a field? | `expression.rs` |
//! | what does a crontab line mean? | `crontab.rs` |
//! | which days of a month match, which times of a day, which times at all? | `day.rs`, `time_of_day.rs`, `pattern.rs` |
//! | which day is it, in which week? | `calendar.rs` |
//! | when does a zone change its clock? | `zone.rs` |
//! | when does it fire next? | `search.rs` |
//! | how is it said in English, how is it stored? | `describe.rs`, `stored.rs` |

mod builder;
mod calendar;
mod crontab;
mod day;
mod definition;
mod describe;
mod expression;
mod field;
mod pattern;
mod search;
mod stored;
mod time_of_day;
mod zone;

use std::fmt;

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;

pub use self::builder::CronTriggerBuilder;
use self::crontab::Seconds;
use self::day::DayRule;
use self::definition::Definition;
use self::expression::Expression;
use self::field::Field;
use self::pattern::Pattern;
use crate::trigger::{DstPolicy, Trigger, TriggerError};

/// Fires when the wall clock of a zone matches, field by field or as a crontab line says.
///
/// | field | values | also |
/// |---|---|---|
/// | `year` | 1970–9999 | |
/// | `month` | 1–12 | `jan`–`dec` |
/// | `day` | 1–31 | `last`, `2nd fri`, `last sun`, `L`, `L-3`, `15W`, `LW` |
/// | `week` | 1–53 (ISO 8601) | |
/// | `day_of_week` | 0–7, 0 and 7 are Sunday | `mon`–`sun`, wrapping ranges (`sat-mon`), `5L`, `fri#2` |
/// | `hour`, `minute`, `second` | 0–23, 0–59, 0–59 | |
///
/// Each field is `*`, `a`, `a-b`, `*/n`, `a-b/n` or `a/n` (from `a` to the maximum), or a list of these with
/// commas. Names may be in any case. Fire times have no fraction of a second.
///
/// ```
/// use apsched_core::trigger::{CronTrigger, Trigger};
/// use chrono::{DateTime, Utc};
/// use chrono_tz::Tz;
///
/// let trigger = CronTrigger::from_crontab("0 9 * * mon-fri")?.with_timezone(Tz::Europe__Berlin);
/// assert_eq!(trigger.describe(), "at 09:00 on Monday to Friday, Europe/Berlin time");
///
/// // From Friday to Monday, with the clocks put forward in between.
/// let friday: DateTime<Utc> = "2026-03-27T08:00:00Z".parse()?;
/// let monday: DateTime<Utc> = "2026-03-30T07:00:00Z".parse()?;
/// assert_eq!(trigger.next_after(friday)?, Some(monday));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Clock changes
/// A fixed time of day fires exactly once on every matching day, also when the clock skips or repeats it. A
/// trigger whose hour or minute is `*`, a range or a step follows real time. [`with_dst`](Self::with_dst)
/// chooses otherwise.
///
/// ```
/// # use apsched_core::trigger::{CronTrigger, Trigger};
/// # use chrono::{DateTime, Utc};
/// # use chrono_tz::Tz;
/// // 02:30 does not exist in Berlin on 29 March 2026: it fires at 03:00 instead.
/// let trigger = CronTrigger::from_crontab("30 2 * * *")?.with_timezone(Tz::Europe__Berlin);
/// let after: DateTime<Utc> = "2026-03-28T12:00:00Z".parse()?;
/// let next = trigger.next_after(after)?.expect("it fires daily");
/// assert_eq!(next.with_timezone(&Tz::Europe__Berlin).to_rfc3339(), "2026-03-29T03:00:00+02:00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # How far it looks
/// To the end of the year 9999, in constant time for all practical purposes; 29 February on a Monday is found
/// decades ahead at once. After that it is exhausted. From 2100 on, where the time zone data has no rules,
/// zones keep their last offset.
#[derive(Clone, PartialEq, Eq)]
pub struct CronTrigger {
    definition: Definition,
    pattern: Pattern,
    timezone: Tz,
    /// As chosen by the user.
    dst: Option<DstPolicy>,
    /// As chosen, or the default of its kind.
    policy: DstPolicy,
    start_time: Option<DateTime<Utc>>,
    end_time: Option<DateTime<Utc>>,
    anchored_at: Option<DateTime<Utc>>,
}

impl CronTrigger {
    /// Makes a trigger field by field.
    pub fn builder() -> CronTriggerBuilder {
        CronTriggerBuilder::default()
    }

    /// From a crontab line with the five fields minute, hour, day, month and weekday, in UTC; it fires at
    /// second 0.
    ///
    /// Also `@yearly` (or `@annually`), `@monthly`, `@weekly`, `@daily` (or `@midnight`) and `@hourly`, and
    /// `?` for the day or the weekday, meaning `*`. If both day and weekday are restricted, *either* may
    /// match, as in crontab: `0 0 13 * fri` fires on every 13th and on every Friday. A field that starts with
    /// `*`, like `*/2`, does not count as restricted: then both must match.
    ///
    /// ```
    /// use apsched_core::trigger::CronTrigger;
    ///
    /// let trigger = CronTrigger::from_crontab("*/5 8-18 * * mon-fri")?;
    /// assert_eq!(trigger.describe(), "every 5 minutes from 08:00 to 18:59 on Monday to Friday, UTC");
    ///
    /// let error = CronTrigger::from_crontab("0 9 * * mon,mox").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "cron field \"day_of_week\", position 5: expected a weekday (0-7 or mon-sun), found \"mox\" in \"mon,mox\""
    /// );
    /// # Ok::<(), apsched_core::trigger::TriggerError>(())
    /// ```
    ///
    /// # Errors
    /// - [`TriggerError::Crontab`] if there are not five fields, or the nickname is unknown.
    /// - [`TriggerError::CronField`] if the text of a field cannot be read.
    /// - [`TriggerError::NeverFires`] if no date matches (30 February).
    pub fn from_crontab(line: &str) -> Result<Self, TriggerError> {
        Self::from_line(line, Seconds::Left)
    }

    /// From a crontab line with six fields, seconds first. Otherwise like
    /// [`from_crontab`](Self::from_crontab).
    ///
    /// ```
    /// use apsched_core::trigger::CronTrigger;
    ///
    /// let trigger = CronTrigger::from_crontab_with_seconds("*/10 * * * * *")?;
    /// assert_eq!(trigger.describe(), "every 10 seconds, UTC");
    /// # Ok::<(), apsched_core::trigger::TriggerError>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_crontab`](Self::from_crontab), with six fields instead of five.
    pub fn from_crontab_with_seconds(line: &str) -> Result<Self, TriggerError> {
        Self::from_line(line, Seconds::First)
    }

    fn from_line(line: &str, seconds: Seconds) -> Result<Self, TriggerError> {
        crontab::parse(line, seconds)?;
        Self::new(Definition::Crontab(line.trim().into()), Tz::UTC, None)
    }

    fn new(definition: Definition, timezone: Tz, dst: Option<DstPolicy>) -> Result<Self, TriggerError> {
        let (fields, rule) = definition.read()?;
        let pattern = Pattern::new(&fields, rule);
        if !pattern.is_possible() {
            return Err(TriggerError::NeverFires {
                trigger: TriggerError::excerpt(&definition.to_string()),
                reason: "no year from 1970 to 9999 has a date that matches".into(),
            });
        }
        Ok(Self {
            policy: dst.unwrap_or_else(|| default_policy(&fields)),
            definition,
            pattern,
            timezone,
            dst,
            start_time: None,
            end_time: None,
            anchored_at: None,
        })
    }

    /// The same fields on the wall clock of another zone. Default: UTC.
    ///
    /// If that leaves no fire time between a start and an end time chosen before, the trigger is exhausted from
    /// the first; choose them last to be told.
    #[must_use]
    pub fn with_timezone(mut self, zone: Tz) -> Self {
        self.timezone = zone;
        self
    }

    /// The same fields with another treatment of times that a clock change skips or repeats.
    ///
    /// Default: [`DstPolicy::REAL_TIME`] if the hour or the minute is `*`, a range or a step, else
    /// [`DstPolicy::FIXED_TIME`].
    #[must_use]
    pub fn with_dst(mut self, policy: DstPolicy) -> Self {
        self.dst = Some(policy);
        self.policy = policy;
        self
    }

    /// Fires at `time` at the earliest; a fraction of a second is rounded up. Default: when the schedule is
    /// added.
    ///
    /// # Errors
    /// [`TriggerError::NeverFires`] if no fire time is left between the start and the end time.
    pub fn with_start_time<Z: TimeZone>(mut self, time: DateTime<Z>) -> Result<Self, TriggerError> {
        self.start_time = Some(time.to_utc());
        self.with_checked_window()
    }

    /// Fires at `time` at the latest. Default: for ever.
    ///
    /// # Errors
    /// [`TriggerError::NeverFires`] if no fire time is left between the start and the end time.
    pub fn with_end_time<Z: TimeZone>(mut self, time: DateTime<Z>) -> Result<Self, TriggerError> {
        self.end_time = Some(time.to_utc());
        self.with_checked_window()
    }

    fn with_checked_window(self) -> Result<Self, TriggerError> {
        if self.fire_time_at_or_after(i64::MIN / 2).is_some() {
            return Ok(self);
        }
        let time = |time: Option<DateTime<Utc>>, none: &str| time.map_or(none.to_owned(), describe::time);
        let reason = format!(
            "it has no time from {} to {}",
            time(self.start_time, "1970"),
            time(self.end_time, "the end of 9999")
        );
        let trigger = TriggerError::excerpt(&self.definition.to_string());
        Err(TriggerError::NeverFires { trigger, reason: reason.into() })
    }

    /// A copy that starts at `at`, the moment of adding, unless it has a start time of its own.
    #[must_use]
    pub fn anchored_at(&self, at: DateTime<Utc>) -> Self {
        Self { anchored_at: self.start_time.is_none().then_some(at), ..self.clone() }
    }

    /// Whether the user has defined the same: equal but for the moment of adding. Texts are compared as they
    /// are written.
    pub fn is_same_definition(&self, other: &Self) -> bool {
        self.definition == other.definition
            && self.timezone == other.timezone
            && self.dst == other.dst
            && self.start_time == other.start_time
            && self.end_time == other.end_time
    }

    /// The first fire time, at or after the start; `None` if there is none.
    ///
    /// A start in the past gives a fire time in the past. Without a start, the first since 1970.
    pub fn first(&self) -> Option<DateTime<Utc>> {
        self.fire_time_at_or_after(i64::MIN / 2)
    }

    /// The zone whose wall clock the fields are about.
    pub fn timezone(&self) -> Tz {
        self.timezone
    }

    /// What happens to times that a clock change skips or repeats: as chosen, or the default of its kind.
    pub fn dst(&self) -> DstPolicy {
        self.policy
    }

    /// The earliest time at which it may fire, as chosen.
    pub fn start_time(&self) -> Option<DateTime<Utc>> {
        self.start_time
    }

    /// The latest time at which it may fire.
    pub fn end_time(&self) -> Option<DateTime<Utc>> {
        self.end_time
    }

    /// When it fires, in English.
    ///
    /// ```
    /// use apsched_core::trigger::CronTrigger;
    ///
    /// let trigger = CronTrigger::from_crontab("30 4 1,15 * fri")?;
    /// assert_eq!(
    ///     trigger.describe(),
    ///     "at 04:30 on the 1st and the 15th of every month or on Friday, UTC"
    /// );
    /// # Ok::<(), apsched_core::trigger::TriggerError>(())
    /// ```
    pub fn describe(&self) -> String {
        describe::sentence(self)
    }

    /// The first fire time at or after `from`, in seconds since 1970-01-01 00:00:00 UTC.
    fn fire_time_at_or_after(&self, from: i64) -> Option<DateTime<Utc>> {
        let from = match self.start_time.or(self.anchored_at) {
            Some(start) => from.max(start.timestamp() + i64::from(start.timestamp_subsec_nanos() > 0)),
            None => from,
        };
        let time = search::fire_time_at_or_after(from, &self.pattern, self.timezone, self.policy)?;
        match self.end_time {
            Some(end) if time > end.timestamp() => None,
            _ => DateTime::from_timestamp(time, 0),
        }
    }
}

impl Trigger for CronTrigger {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        Ok(self.fire_time_at_or_after(after.timestamp() + 1))
    }
}

/// A fixed time of day fires once a day; periods follow real time.
fn default_policy(fields: &[Expression; 8]) -> DstPolicy {
    match [Field::Hour, Field::Minute].iter().all(|field| fields[*field as usize].is_fixed()) {
        true => DstPolicy::FIXED_TIME,
        false => DstPolicy::REAL_TIME,
    }
}

/// All fields, then the sentence of [`CronTrigger::describe`].
impl fmt::Display for CronTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, rule) = self.definition.reread();
        f.write_str("cron[")?;
        definition::write_fields(f, Field::ALL.into_iter().zip(self.definition.expanded()))?;
        if rule == DayRule::Either {
            f.write_str(" either=day,day_of_week")?;
        }
        write!(f, "]: {}", self.describe())
    }
}

impl fmt::Debug for CronTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CronTrigger")
            .field("definition", &format_args!("{}", self.definition))
            .field("timezone", &self.timezone)
            .field("dst", &self.dst)
            .field("start_time", &self.start_time)
            .field("end_time", &self.end_time)
            .field("anchored_at", &self.anchored_at)
            .finish()
    }
}
