//! Previews from the present moment, for people who have no scheduler at hand.
//!
//! The only place where triggers meet a clock, and only with the feature `scheduler`.

use chrono::{DateTime, Utc};

use super::resolution::{floor, just_before};
use super::{
    AndTrigger, AnyTrigger, CalendarIntervalTrigger, CronTrigger, IntervalTrigger, OrTrigger, TriggerError,
    TriggerExt,
};

#[expect(clippy::disallowed_methods, reason = "a preview for people, who have no scheduler's clock at hand")]
pub(crate) fn system_now() -> DateTime<Utc> {
    Utc::now()
}

impl AnyTrigger {
    /// The first `n` fire times that a schedule would have if it were added at the present moment of the system's
    /// clock.
    ///
    /// Parts without a `start_time` count from that moment, and fire times before it are left out.
    ///
    /// # Errors
    ///
    /// Those of [`TriggerExt::preview_after`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use apsched_core::trigger::{AnyTrigger, IntervalTrigger};
    ///
    /// let trigger = AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(60)));
    /// let fire_times = trigger.preview(5)?;
    /// assert_eq!((fire_times[4] - fire_times[0]).num_minutes(), 4);
    /// # Ok::<(), apsched_core::trigger::TriggerError>(())
    /// ```
    pub fn preview(&self, n: usize) -> Result<Vec<DateTime<Utc>>, TriggerError> {
        let now = system_now();
        self.anchored_at(now).preview_after(just_before(floor(now)), n)
    }
}

/// The same preview on the built-in triggers, which [`TriggerExt::preview`] could not anchor.
macro_rules! preview_as_if_added {
    ($($trigger:ty),+) => {$(
        impl $trigger {
            /// The first `n` fire times that a schedule would have if it were added at the present moment of the
            /// system's clock; see [`AnyTrigger::preview`].
            ///
            /// # Errors
            ///
            /// Those of [`TriggerExt::preview_after`].
            pub fn preview(&self, n: usize) -> Result<Vec<DateTime<Utc>>, TriggerError> {
                AnyTrigger::from(self.clone()).preview(n)
            }
        }
    )+};
}

preview_as_if_added!(IntervalTrigger, CalendarIntervalTrigger, CronTrigger, AndTrigger, OrTrigger);
