//! When does a trigger end at the latest?

use chrono::{DateTime, Utc};

use super::AnyTrigger;

impl AnyTrigger {
    /// The last instant at which the trigger may fire. `None`: no end was set, or a custom trigger knows it alone.
    #[must_use]
    pub(crate) fn end_time(&self) -> Option<DateTime<Utc>> {
        None
    }
}
