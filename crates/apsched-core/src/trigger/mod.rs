//! When something fires.

use std::fmt;

use chrono::{DateTime, Utc};

#[cfg_attr(not(test), expect(dead_code, reason = "the calendar interval trigger uses it"))]
mod civil;
mod cron;
mod error;

pub use self::civil::{DstPolicy, Fold, Gap};
pub use self::cron::{CronTrigger, CronTriggerBuilder};
pub use self::error::TriggerError;

/// Says when something fires: a pure function of its definition.
pub trait Trigger: fmt::Debug + fmt::Display + Send + Sync {
    /// The earliest fire time strictly later than `after`; `None` is final.
    ///
    /// # Errors
    /// If the trigger cannot tell.
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError>;
}
