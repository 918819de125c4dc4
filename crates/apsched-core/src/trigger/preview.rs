//! Looks ahead: the next fire times, or those of a range.

use std::fmt;

use chrono::{DateTime, Utc};

use super::resolution::just_before;
use super::{Trigger, TriggerError, checked_next, latest};

/// Questions that every trigger can answer. Nobody implements it: it holds for every [`Trigger`].
pub trait TriggerExt: Trigger {
    /// The first `n` fire times strictly later than `after`; fewer when there are not so many.
    ///
    /// ```
    /// use apsched_core::trigger::{CronTrigger, TriggerExt};
    /// use chrono::{DateTime, Utc};
    ///
    /// let trigger = CronTrigger::from_crontab("0 0 29 2 *")?;
    /// let after: DateTime<Utc> = "2026-01-01T00:00:00Z".parse()?;
    /// assert_eq!(trigger.preview_after(after, 2)?, ["2028-02-29T00:00:00Z".parse::<DateTime<Utc>>()?, "2032-02-29T00:00:00Z".parse()?]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of the trigger, and [`TriggerError::WentBackwards`].
    fn preview_after(&self, after: DateTime<Utc>, n: usize) -> Result<Vec<DateTime<Utc>>, TriggerError> {
        Fires { trigger: self, after: Some(after) }.take(n).collect()
    }

    /// The first `n` fire times after the present moment of the system's clock.
    ///
    /// Built-in triggers have a `preview` of their own, which also starts them at that moment, as adding would.
    ///
    /// # Errors
    ///
    /// Those of [`preview_after`](Self::preview_after).
    #[cfg(feature = "scheduler")]
    fn preview(&self, n: usize) -> Result<Vec<DateTime<Utc>>, TriggerError> {
        self.preview_after(super::now::system_now(), n)
    }

    /// The fire times `t` with `from <= t <= to`, both ends included, one by one. It ends after an error.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use apsched_core::trigger::{IntervalTrigger, TriggerExt};
    /// use chrono::{DateTime, Utc};
    ///
    /// let midnight: DateTime<Utc> = "2026-01-01T00:00:00Z".parse()?;
    /// let next_midnight: DateTime<Utc> = "2026-01-02T00:00:00Z".parse()?;
    /// let hourly = IntervalTrigger::every(Duration::from_secs(3_600)).starting_at(midnight);
    /// assert_eq!(hourly.between(midnight, next_midnight).count(), 25);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Between<'_, Self> {
        Between { fires: Fires { trigger: self, after: Some(just_before(from)) }, from, to }
    }

    /// The latest fire time in `[first, now]`, where `first` is itself a fire time; `first` where `now` is earlier.
    ///
    /// The fire times before it are not walked: it is found by looking back from `now` in growing steps, with a few
    /// questions where fire times are evenly spaced, and some hundred in the worst case.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use apsched_core::trigger::{IntervalTrigger, TriggerExt};
    /// use chrono::{DateTime, Utc};
    ///
    /// let first: DateTime<Utc> = "2026-01-01T00:00:00Z".parse()?;
    /// let every_second = IntervalTrigger::every(Duration::from_secs(1)).starting_at(first);
    ///
    /// // Thirty days later, 2.6 million fire times have been missed.
    /// let now: DateTime<Utc> = "2026-01-31T00:00:00.5Z".parse()?;
    /// assert_eq!(every_second.latest_between(first, now)?, "2026-01-31T00:00:00Z".parse::<DateTime<Utc>>()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of the trigger, and [`TriggerError::WentBackwards`].
    fn latest_between(
        &self,
        first: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, TriggerError> {
        latest::latest_between(self, first, now)
    }
}

impl<T: Trigger + ?Sized> TriggerExt for T {}

/// The fire times after an instant; ends with the first error.
struct Fires<'a, T: ?Sized> {
    trigger: &'a T,
    /// Where to go on from; `None` at the end.
    after: Option<DateTime<Utc>>,
}

impl<T: Trigger + ?Sized> Iterator for Fires<'_, T> {
    type Item = Result<DateTime<Utc>, TriggerError>;

    fn next(&mut self) -> Option<Self::Item> {
        let answer = checked_next(self.trigger, self.after?).transpose();
        self.after = answer.as_ref().and_then(|answer| answer.as_ref().ok()).copied();
        answer
    }
}

/// The fire times of a range, in order; see [`TriggerExt::between`].
#[must_use = "iterators are lazy"]
pub struct Between<'a, T: ?Sized> {
    fires: Fires<'a, T>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl<T: Trigger + ?Sized> Iterator for Between<'_, T> {
    type Item = Result<DateTime<Utc>, TriggerError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.fires.next()? {
                Ok(fire_time) if fire_time < self.from => {}
                Ok(fire_time) if fire_time < self.to => return Some(Ok(fire_time)),
                last => {
                    self.fires.after = None;
                    return Some(last).filter(|last| last.as_ref().map_or(true, |last| *last == self.to));
                }
            }
        }
    }
}

impl<T: ?Sized> fmt::Debug for Between<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Between").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}
