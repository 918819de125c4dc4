//! Fires whenever one of several triggers does.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::and::Effort;
use super::parts::Parts;
use super::{AnyTrigger, Trigger, TriggerError, TriggerRegistry};

const KIND: &str = "or-trigger";

/// Fires at every time of every part, once where several parts have the same time; finished when all of them are.
///
/// ```
/// use apsched_core::trigger::{CronTrigger, OrTrigger, TriggerExt};
/// use chrono::{DateTime, Utc};
///
/// let weekdays = CronTrigger::builder().day_of_week("mon-fri").hour(10).build()?;
/// let weekends = CronTrigger::builder().day_of_week("sat-sun").hour(11).build()?;
/// let trigger = OrTrigger::new([weekdays, weekends])?;
///
/// let friday: DateTime<Utc> = "2026-08-07T00:00:00Z".parse()?;
/// let fire_times: Vec<String> = trigger.preview_after(friday, 2)?.iter().map(ToString::to_string).collect();
/// assert_eq!(fire_times, ["2026-08-07 10:00:00 UTC", "2026-08-08 11:00:00 UTC"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Definition", into = "Definition")]
pub struct OrTrigger {
    parts: Parts,
}

/// The stored form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    triggers: Vec<AnyTrigger>,
}

impl OrTrigger {
    /// Fires whenever one of `triggers` does.
    ///
    /// # Errors
    ///
    /// [`TriggerError::InvalidField`] when there is no trigger, when there are more than 256 (nested ones included), or
    /// when they are nested more than 16 levels deep.
    pub fn new<T: Into<AnyTrigger>>(triggers: impl IntoIterator<Item = T>) -> Result<Self, TriggerError> {
        Ok(Self { parts: Parts::new(KIND, triggers.into_iter().map(Into::into))? })
    }

    /// Takes triggers of different types one by one.
    ///
    /// ```
    /// use apsched_core::trigger::{CronTrigger, DateTrigger, OrTrigger};
    /// use chrono::{DateTime, Utc};
    ///
    /// let trigger = OrTrigger::builder()
    ///     .trigger(CronTrigger::from_crontab("@yearly")?)
    ///     .trigger(DateTrigger::at(DateTime::<Utc>::UNIX_EPOCH))
    ///     .build()?;
    /// assert_eq!(trigger.triggers().len(), 2);
    /// # Ok::<(), apsched_core::trigger::TriggerError>(())
    /// ```
    pub fn builder() -> OrTriggerBuilder {
        OrTriggerBuilder::default()
    }

    /// The parts, in the order in which they were given.
    pub fn triggers(&self) -> &[AnyTrigger] {
        self.parts.as_slice()
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) fn resolve(&mut self, registry: &TriggerRegistry) -> Result<(), TriggerError> {
        self.parts.resolve(registry)
    }

    pub(crate) fn anchored_at(&self, at: DateTime<Utc>) -> Self {
        Self { parts: self.parts.anchored_at(at) }
    }

    pub(crate) fn is_same_definition(&self, other: &Self) -> bool {
        self.parts.is_same_definition(&other.parts)
    }

    /// [`next_after`](Trigger::next_after) within an effort that nested combinations share.
    pub(crate) fn search(
        &self,
        after: DateTime<Utc>,
        effort: &mut Effort,
    ) -> Result<Option<DateTime<Utc>>, TriggerError> {
        let mut earliest: Option<DateTime<Utc>> = None;
        for part in self.triggers() {
            let next = part.search(after, effort)?;
            earliest = earliest.into_iter().chain(next).min();
        }
        Ok(earliest)
    }
}

impl Trigger for OrTrigger {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        self.search(after, &mut Effort::new())
    }
}

/// `any of (every 1 hour; once at 2026-01-01T00:00:00Z)`.
impl fmt::Display for OrTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "any of {}", self.parts)
    }
}

impl TryFrom<Definition> for OrTrigger {
    type Error = TriggerError;

    fn try_from(definition: Definition) -> Result<Self, TriggerError> {
        Self::new(definition.triggers)
    }
}

impl From<OrTrigger> for Definition {
    fn from(trigger: OrTrigger) -> Self {
        Self { triggers: trigger.triggers().to_vec() }
    }
}

/// Takes the parts of an [`OrTrigger`] one by one; see [`OrTrigger::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is made before `build`"]
pub struct OrTriggerBuilder {
    triggers: Vec<AnyTrigger>,
}

impl OrTriggerBuilder {
    /// Adds a part.
    pub fn trigger(mut self, trigger: impl Into<AnyTrigger>) -> Self {
        self.triggers.push(trigger.into());
        self
    }

    /// Makes the trigger.
    ///
    /// # Errors
    ///
    /// Those of [`OrTrigger::new`].
    pub fn build(self) -> Result<OrTrigger, TriggerError> {
        OrTrigger::new(self.triggers)
    }
}
