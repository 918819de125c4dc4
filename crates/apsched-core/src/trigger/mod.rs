//! Decides when a schedule fires.
//!
//! A [`Trigger`] is a value: asked for the first fire time after an instant, it answers from its definition alone.

mod and;
mod any;
mod bounds;
mod calendar_interval;
mod civil;
mod cron;
mod custom;
mod date;
mod error;
mod interval;
mod latest;
#[cfg(feature = "scheduler")]
mod now;
mod or;
mod parts;
mod preview;
mod registry;
mod resolution;
mod span;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use and::{AndTrigger, AndTriggerBuilder};
pub use any::AnyTrigger;
pub use calendar_interval::{CalendarIntervalTrigger, CalendarIntervalTriggerBuilder};
pub use civil::{DstPolicy, Fold, Gap};
pub use cron::{CronTrigger, CronTriggerBuilder};
pub use custom::{CustomTrigger, NamedTrigger};
pub use date::DateTrigger;
pub use error::TriggerError;
pub use interval::{IntervalTrigger, IntervalTriggerBuilder};
pub use or::{OrTrigger, OrTriggerBuilder};
pub use preview::{Between, TriggerExt};
pub use registry::TriggerRegistry;

/// Says when something fires, as a pure function of its definition.
///
/// A trigger has no position: the only moving part of a schedule is the instant that it asks with. Preview, catching
/// up after downtime and simulation are therefore questions, and change nothing.
///
/// # Behavior
///
/// - *Strictly increasing*: the answer is later than `after`.
/// - *Deterministic*: equal definitions give equal answers, on every machine and at every time.
/// - *Final*: where the answer is `None`, it is `None` for every later `after`.
/// - *Bounded*: an answer takes a bounded time, whatever `after` is.
///
/// Something that only knows how to continue from its previous fire time can count from a fixed start, as
/// [`IntervalTrigger`] does. Own triggers implement [`CustomTrigger`] as well, so that they can be stored.
pub trait Trigger: fmt::Debug + fmt::Display + Send + Sync {
    /// The earliest fire time strictly later than `after`, or `None` when there is none any more.
    ///
    /// # Errors
    ///
    /// [`TriggerError`] when the trigger cannot tell, for example because its definition is not valid.
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError>;
}

impl<T: Trigger + ?Sized> Trigger for &T {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        (**self).next_after(after)
    }
}

impl<T: Trigger + ?Sized> Trigger for Box<T> {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        (**self).next_after(after)
    }
}

impl<T: Trigger + ?Sized> Trigger for Arc<T> {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        (**self).next_after(after)
    }
}

/// Asks `trigger`, and refuses an answer that is not later than `after`.
pub(crate) fn checked_next<T: Trigger + ?Sized>(
    trigger: &T,
    after: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, TriggerError> {
    match trigger.next_after(after)? {
        Some(answer) if answer <= after => Err(TriggerError::WentBackwards {
            trigger: TriggerError::excerpt(&trigger.to_string()),
            after,
            answer,
        }),
        answer => Ok(answer),
    }
}
