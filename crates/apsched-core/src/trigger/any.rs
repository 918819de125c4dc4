//! Any trigger as one value: what a schedule holds, and what a store writes and reads.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    CustomTrigger, DateTrigger, IntervalTrigger, NamedTrigger, Trigger, TriggerError, TriggerRegistry,
    checked_next,
};

/// Any trigger: a built-in one, a combination, or one of your own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnyTrigger {
    /// Fires once.
    Date(DateTrigger),
    /// Fires every so often in elapsed time.
    Interval(IntervalTrigger),
    /// A trigger of your own.
    Custom(NamedTrigger),
}

impl AnyTrigger {
    /// A copy whose parts without a `start_time` start at `at`, the moment at which it is added.
    #[must_use]
    pub fn anchored_at(&self, at: DateTime<Utc>) -> Self {
        self.with_anchor(Some(at))
    }

    /// Whether both were defined alike, whenever each of them was added.
    pub fn is_same_definition(&self, other: &Self) -> bool {
        self.with_anchor(None) == other.with_anchor(None)
    }

    /// The first fire time, at or after the start of the trigger.
    ///
    /// # Errors
    ///
    /// Those of [`Trigger::next_after`].
    pub fn first(&self) -> Result<Option<DateTime<Utc>>, TriggerError> {
        checked_next(self, DateTime::<Utc>::MIN_UTC)
    }

    /// Binds the custom triggers in it, at any depth, to the code registered under their names.
    ///
    /// # Errors
    ///
    /// [`TriggerError::NotRegistered`] and [`TriggerError::Definition`].
    pub fn resolve(&mut self, registry: &TriggerRegistry) -> Result<(), TriggerError> {
        match self {
            Self::Date(_) | Self::Interval(_) => Ok(()),
            Self::Custom(trigger) => trigger.resolve(registry),
        }
    }

    fn with_anchor(&self, anchored_at: Option<DateTime<Utc>>) -> Self {
        match self {
            Self::Date(trigger) => Self::Date(*trigger),
            Self::Interval(trigger) => Self::Interval(trigger.with_anchor(anchored_at)),
            Self::Custom(trigger) => Self::Custom(trigger.with_anchor(anchored_at)),
        }
    }
}

impl Trigger for AnyTrigger {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        match self {
            Self::Date(trigger) => trigger.next_after(after),
            Self::Interval(trigger) => trigger.next_after(after),
            Self::Custom(trigger) => trigger.next_after(after),
        }
    }
}

impl fmt::Display for AnyTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(trigger) => trigger.fmt(f),
            Self::Interval(trigger) => trigger.fmt(f),
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

impl<T: CustomTrigger> From<T> for AnyTrigger {
    fn from(trigger: T) -> Self {
        Self::Custom(NamedTrigger::new(trigger))
    }
}
