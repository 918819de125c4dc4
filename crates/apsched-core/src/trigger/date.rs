//! Fires once, at one instant.

use std::fmt;

use chrono::{DateTime, TimeZone, Utc};
use serde::{Deserialize, Serialize};

use super::bounds::rfc3339;
use super::resolution::floor;
use super::{Trigger, TriggerError};

/// Fires once, at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Definition", into = "Definition")]
pub struct DateTrigger {
    at: DateTime<Utc>,
}

/// The stored form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    at: DateTime<Utc>,
}

impl DateTrigger {
    /// Fires at `at`, given in any zone. Parts of a microsecond are dropped.
    pub fn at<Tz: TimeZone>(at: DateTime<Tz>) -> Self {
        Self { at: floor(at.to_utc()) }
    }

    /// The fire time.
    pub fn fire_time(&self) -> DateTime<Utc> {
        self.at
    }
}

impl Trigger for DateTrigger {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        Ok((after < self.at).then_some(self.at))
    }
}

impl fmt::Display for DateTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "once at {}", rfc3339(self.at))
    }
}

impl From<Definition> for DateTrigger {
    fn from(definition: Definition) -> Self {
        Self::at(definition.at)
    }
}

impl From<DateTrigger> for Definition {
    fn from(trigger: DateTrigger) -> Self {
        Self { at: trigger.at }
    }
}
