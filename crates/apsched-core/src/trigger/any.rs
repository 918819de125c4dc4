//! Any trigger as one value: what a schedule holds, and what a store writes and reads.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::and::Effort;
use super::parts::Parts;
use super::{
    AndTrigger, CalendarIntervalTrigger, CronTrigger, CustomTrigger, DateTrigger, IntervalTrigger,
    NamedTrigger, OrTrigger, Trigger, TriggerError, TriggerRegistry, checked_next,
};

/// Any trigger: a built-in one, a combination, or one of your own.
///
/// Every trigger becomes one with `into()`. It is cheap to clone, and stored as a tagged value, nested combinations and
/// custom triggers included. Its fire times are whole microseconds.
///
/// ```
/// use std::time::Duration;
///
/// use apsched_core::trigger::{AnyTrigger, IntervalTrigger};
///
/// let trigger: AnyTrigger = IntervalTrigger::every(Duration::from_secs(90)).into();
/// let stored = serde_json::to_string(&trigger)?;
/// assert_eq!(stored, r#"{"type":"interval","every":{"minutes":1,"seconds":30}}"#);
///
/// let read: AnyTrigger = serde_json::from_str(&stored)?;
/// assert_eq!(read, trigger);
///
/// // Nothing is guessed: a name that it does not know is an error.
/// let error = serde_json::from_str::<AnyTrigger>(r#"{"type":"date","on":"2026-01-01T00:00:00Z"}"#).unwrap_err();
/// assert_eq!(error.to_string(), "unknown field `on`, expected `at`");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// Equality includes the moment of adding; [`is_same_definition`](Self::is_same_definition) leaves it out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnyTrigger {
    /// Fires once.
    Date(DateTrigger),
    /// Fires every so often in elapsed time.
    Interval(IntervalTrigger),
    /// Fires every so many years, months, weeks and days, at one wall-clock time.
    CalendarInterval(CalendarIntervalTrigger),
    /// Fires when the wall clock of a zone matches, as in a crontab.
    Cron(Arc<CronTrigger>),
    /// Fires where all of its parts agree.
    And(AndTrigger),
    /// Fires whenever one of its parts does.
    Or(OrTrigger),
    /// A trigger of your own.
    Custom(NamedTrigger),
}

impl AnyTrigger {
    /// A copy whose parts without a `start_time` start at `at`, the moment at which it is added.
    ///
    /// Parts of a microsecond are dropped. A trigger that is anchored already is anchored anew.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use apsched_core::trigger::{AnyTrigger, IntervalTrigger};
    /// use chrono::{DateTime, Utc};
    ///
    /// let now: DateTime<Utc> = "2026-01-01T12:34:56Z".parse()?;
    /// let trigger = AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(60))).anchored_at(now);
    /// assert_eq!(trigger.first()?, Some(now));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn anchored_at(&self, at: DateTime<Utc>) -> Self {
        match self {
            Self::Date(trigger) => Self::Date(*trigger),
            Self::Interval(trigger) => Self::Interval(trigger.anchored_at(at)),
            Self::CalendarInterval(trigger) => Self::CalendarInterval(trigger.anchored_at(at)),
            Self::Cron(trigger) => Self::Cron(Arc::new(trigger.anchored_at(at))),
            Self::And(trigger) => Self::And(trigger.anchored_at(at)),
            Self::Or(trigger) => Self::Or(trigger.anchored_at(at)),
            Self::Custom(trigger) => Self::Custom(trigger.anchored_at(at)),
        }
    }

    /// Whether both were defined alike, whenever each of them was added.
    pub fn is_same_definition(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Date(a), Self::Date(b)) => a == b,
            (Self::Interval(a), Self::Interval(b)) => a.is_same_definition(b),
            (Self::CalendarInterval(a), Self::CalendarInterval(b)) => a.is_same_definition(b),
            (Self::Cron(a), Self::Cron(b)) => a.is_same_definition(b),
            (Self::And(a), Self::And(b)) => a.is_same_definition(b),
            (Self::Or(a), Self::Or(b)) => a.is_same_definition(b),
            (Self::Custom(a), Self::Custom(b)) => a.is_same_definition(b),
            _ => false,
        }
    }

    /// The first fire time, at or after the start of the trigger; `None` when it has none.
    ///
    /// A start in the past gives a fire time in the past, which is wanted: it is due at once. A trigger that is not
    /// anchored starts at the Unix epoch.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use apsched_core::trigger::{AnyTrigger, IntervalTrigger};
    /// use chrono::{DateTime, Utc};
    ///
    /// let start: DateTime<Utc> = "2020-01-01T00:00:00Z".parse()?;
    /// let trigger = AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(60)).starting_at(start));
    /// assert_eq!(trigger.anchored_at("2026-01-01T00:00:00Z".parse()?).first()?, Some(start));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Trigger::next_after`].
    pub fn first(&self) -> Result<Option<DateTime<Utc>>, TriggerError> {
        checked_next(self, DateTime::<Utc>::MIN_UTC)
    }

    /// Binds the custom triggers in it, at any depth, to the code registered under their names.
    ///
    /// Needed once for what was read from a store; those that are bound stay as they are. See [`CustomTrigger`].
    ///
    /// # Errors
    ///
    /// [`TriggerError::NotRegistered`] and [`TriggerError::Definition`].
    pub fn resolve(&mut self, registry: &TriggerRegistry) -> Result<(), TriggerError> {
        match self {
            Self::Date(_) | Self::Interval(_) | Self::CalendarInterval(_) | Self::Cron(_) => Ok(()),
            Self::And(trigger) => trigger.resolve(registry),
            Self::Or(trigger) => trigger.resolve(registry),
            Self::Custom(trigger) => trigger.resolve(registry),
        }
    }

    /// The names of the custom triggers in it, at any depth, in order.
    ///
    /// A store keeps them beside the trigger, to leave alone what a process cannot plan.
    pub fn custom_names(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.for_each_custom(&mut |custom| {
            names.insert(custom.name());
        });
        names
    }

    /// Whether the code of every custom trigger in it is at hand: bound, or registered under its name.
    ///
    /// Who does not know one cannot tell when the schedule fires, and leaves it to those who do.
    ///
    /// ```
    /// use apsched_core::trigger::{AnyTrigger, TriggerRegistry};
    ///
    /// let stored = r#"{"type":"custom","name":"full_moon","definition":null}"#;
    /// let trigger: AnyTrigger = serde_json::from_str(stored)?;
    /// assert_eq!(trigger.custom_names().into_iter().collect::<Vec<_>>(), ["full_moon"]);
    /// assert!(!trigger.is_known_to(&TriggerRegistry::new()));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn is_known_to(&self, registry: &TriggerRegistry) -> bool {
        let mut is_known = true;
        self.for_each_custom(&mut |custom| is_known &= custom.is_bound() || registry.knows(custom.name()));
        is_known
    }

    fn for_each_custom<'t>(&'t self, visit: &mut impl FnMut(&'t NamedTrigger)) {
        if let Self::Custom(custom) = self {
            visit(custom);
        }
        for part in self.parts().into_iter().flat_map(Parts::as_slice) {
            part.for_each_custom(visit);
        }
    }

    /// The parts of a combination.
    pub(crate) fn parts(&self) -> Option<&Parts> {
        match self {
            Self::And(trigger) => Some(trigger.parts()),
            Self::Or(trigger) => Some(trigger.parts()),
            _ => None,
        }
    }

    /// [`next_after`](Trigger::next_after) within an effort that nested combinations share.
    pub(crate) fn search(
        &self,
        after: DateTime<Utc>,
        effort: &mut Effort,
    ) -> Result<Option<DateTime<Utc>>, TriggerError> {
        match self {
            Self::Date(trigger) => trigger.next_after(after),
            Self::Interval(trigger) => trigger.next_after(after),
            Self::CalendarInterval(trigger) => trigger.next_after(after),
            Self::Cron(trigger) => trigger.next_after(after),
            Self::And(trigger) => trigger.search(after, effort),
            Self::Or(trigger) => trigger.search(after, effort),
            Self::Custom(trigger) => trigger.next_after(after),
        }
    }

    /// What a question costs of an [`Effort`].
    pub(crate) fn cost_of_asking(&self, after: DateTime<Utc>) -> u32 {
        match self {
            Self::CalendarInterval(trigger) => 1 + trigger.years_to_walk(after),
            _ => 1,
        }
    }
}

impl Trigger for AnyTrigger {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        self.search(after, &mut Effort::new())
    }
}

impl fmt::Display for AnyTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(trigger) => trigger.fmt(f),
            Self::Interval(trigger) => trigger.fmt(f),
            Self::CalendarInterval(trigger) => trigger.fmt(f),
            Self::Cron(trigger) => trigger.fmt(f),
            Self::And(trigger) => trigger.fmt(f),
            Self::Or(trigger) => trigger.fmt(f),
            Self::Custom(trigger) => trigger.fmt(f),
        }
    }
}

impl From<DateTrigger> for AnyTrigger {
    fn from(trigger: DateTrigger) -> Self {
        Self::Date(trigger)
    }
}

impl From<IntervalTrigger> for AnyTrigger {
    fn from(trigger: IntervalTrigger) -> Self {
        Self::Interval(trigger)
    }
}

impl From<CalendarIntervalTrigger> for AnyTrigger {
    fn from(trigger: CalendarIntervalTrigger) -> Self {
        Self::CalendarInterval(trigger)
    }
}

impl From<CronTrigger> for AnyTrigger {
    fn from(trigger: CronTrigger) -> Self {
        Self::Cron(Arc::new(trigger))
    }
}

impl From<AndTrigger> for AnyTrigger {
    fn from(trigger: AndTrigger) -> Self {
        Self::And(trigger)
    }
}

impl From<OrTrigger> for AnyTrigger {
    fn from(trigger: OrTrigger) -> Self {
        Self::Or(trigger)
    }
}

impl<T: CustomTrigger> From<T> for AnyTrigger {
    fn from(trigger: T) -> Self {
        Self::Custom(NamedTrigger::new(trigger))
    }
}
