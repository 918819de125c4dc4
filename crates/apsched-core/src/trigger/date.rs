//! Fires once, at one instant.

use std::fmt;

use chrono::{DateTime, TimeZone, Utc};
use serde::{Deserialize, Serialize};

use super::bounds::rfc3339;
use super::resolution::floor;
use super::{Trigger, TriggerError};

/// Fires once, at one instant.
///
/// An instant that is past when the trigger is added still fires: the job is then late, and the misfire grace time of
/// the schedule decides.
///
/// ```
/// use apsched_core::trigger::{DateTrigger, Trigger};
/// use chrono::{DateTime, TimeZone, Utc};
/// use chrono_tz::Tz;
///
/// let noon_in_tokyo = Tz::Asia__Tokyo.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
/// let trigger = DateTrigger::at(noon_in_tokyo);
///
/// assert_eq!(trigger.to_string(), "once at 2026-03-01T03:00:00Z");
/// assert_eq!(trigger.next_after(DateTime::<Utc>::UNIX_EPOCH)?, Some(trigger.fire_time()));
/// assert_eq!(trigger.next_after(trigger.fire_time())?, None);
/// # Ok::<(), apsched_core::trigger::TriggerError>(())
/// ```
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
