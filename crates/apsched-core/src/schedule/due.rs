//! Which fire times of a schedule are due, and which is the next? Pure; the cost does not grow with the time missed.
//!
//! The due fire times are `next_fire_time` and all later ones up to `now`. [`Coalesce`] says which of them become
//! jobs. [`Latest`](Coalesce::Latest) and [`Earliest`](Coalesce::Earliest) never walk the fire times in between: the
//! latest one is found by galloping back from `now`. [`All`](Coalesce::All) walks them, up to `max_catch_up`; what is
//! cut off after that is reported as a range.

use chrono::{DateTime, Utc};

use super::Coalesce;
use crate::trigger::{AnyTrigger, TriggerError, TriggerExt, checked_next};

/// The fire times that become jobs, and how the schedule goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DueFireTimes {
    /// One job for each, oldest first.
    pub fire_times: Vec<DateTime<Utc>>,
    /// The fire time after all that are due; `None`: the trigger is exhausted, or `max_fires` is reached.
    pub next_fire_time: Option<DateTime<Utc>>,
    /// Due fire times that were passed over because `max_catch_up` was reached: first and last.
    pub cut_off: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Why the trigger could not tell how it goes on. `None`: it could.
    pub failure: Option<TriggerError>,
}

/// What limits the fire times of one look at a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueLimits {
    /// How several due fire times become jobs.
    pub coalesce: Coalesce,
    /// Most jobs of one look when all are to run. Zero counts as 1.
    pub max_catch_up: u32,
    /// Fires that `max_fires` leaves. `None`: no limit.
    pub fires_left: Option<u64>,
}

/// The fire times of `trigger` due at `now`, when `next_fire_time` is the first that has not been looked at.
///
/// ```
/// use std::time::Duration;
/// use apsched_core::{AnyTrigger, Coalesce, IntervalTrigger};
/// use apsched_core::schedule::{DueLimits, due_fire_times};
/// use chrono::{DateTime, TimeDelta, Utc};
///
/// let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse()?;
/// let trigger = AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(1))).anchored_at(start);
/// let limits = DueLimits { coalesce: Coalesce::Latest, max_catch_up: 1000, fires_left: None };
///
/// // Thirty days of downtime: one job, and on we go.
/// let now = start + TimeDelta::days(30) + TimeDelta::milliseconds(1);
/// let due = due_fire_times(&trigger, start, now, limits);
/// assert_eq!(due.fire_times, [start + TimeDelta::days(30)]);
/// assert_eq!(due.next_fire_time, Some(start + TimeDelta::days(30) + TimeDelta::seconds(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A trigger that fails is reported beside the fire times that were found before: what it has told is not lost.
#[must_use]
pub fn due_fire_times(
    trigger: &AnyTrigger,
    next_fire_time: DateTime<Utc>,
    now: DateTime<Utc>,
    limits: DueLimits,
) -> DueFireTimes {
    if next_fire_time > now {
        return DueFireTimes { next_fire_time: Some(next_fire_time), ..DueFireTimes::default() };
    }
    if limits.fires_left == Some(0) {
        return DueFireTimes::default();
    }
    let mut due = DueFireTimes::default();
    due.failure = match limits.coalesce {
        Coalesce::Latest => due.latest(trigger, next_fire_time, now),
        Coalesce::Earliest => due.earliest(trigger, next_fire_time, now),
        Coalesce::All => due.all(trigger, next_fire_time, now, limits),
    }
    .err();
    if limits.fires_left.is_some_and(|left| left <= due.fire_times.len() as u64) {
        due.next_fire_time = None;
        due.cut_off = None;
    }
    due
}

impl DueFireTimes {
    fn latest(
        &mut self,
        trigger: &AnyTrigger,
        first: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), TriggerError> {
        let latest = trigger.latest_between(first, now);
        // Should the search fail, the first one is known all the same.
        let taken = latest.as_ref().copied().unwrap_or(first);
        self.fire_times.push(taken);
        self.next_fire_time = checked_next(trigger, latest?)?;
        Ok(())
    }

    fn earliest(
        &mut self,
        trigger: &AnyTrigger,
        first: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), TriggerError> {
        self.fire_times.push(first);
        self.next_fire_time = checked_next(trigger, now)?;
        Ok(())
    }

    /// Every due fire time up to the cap.
    fn all(
        &mut self,
        trigger: &AnyTrigger,
        first: DateTime<Utc>,
        now: DateTime<Utc>,
        limits: DueLimits,
    ) -> Result<(), TriggerError> {
        let catch_up = u64::from(limits.max_catch_up.max(1));
        let most = limits.fires_left.map_or(catch_up, |left| left.min(catch_up));
        let mut fire_time = Some(first);
        while let Some(at) = fire_time.filter(|at| *at <= now) {
            if self.fire_times.len() as u64 == most {
                self.cut_off = Some((at, trigger.latest_between(at, now)?));
                fire_time = checked_next(trigger, now)?;
                break;
            }
            self.fire_times.push(at);
            fire_time = checked_next(trigger, at)?;
        }
        self.next_fire_time = fire_time;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::{AndTrigger, DateTrigger, IntervalTrigger, OrTrigger};
    use chrono::TimeDelta;
    use std::time::Duration;

    fn start() -> DateTime<Utc> {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn second(n: i64) -> DateTime<Utc> {
        start() + TimeDelta::seconds(n)
    }

    fn due(
        coalesce: Coalesce,
        max_catch_up: u32,
        fires_left: Option<u64>,
        now: DateTime<Utc>,
    ) -> DueFireTimes {
        let trigger = AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(1))).anchored_at(start());
        due_fire_times(&trigger, start(), now, DueLimits { coalesce, max_catch_up, fires_left })
    }

    #[test]
    fn nothing_is_due_before_the_next_fire_time() {
        let due = due(Coalesce::All, 10, None, start() - TimeDelta::microseconds(1));
        assert_eq!(due, DueFireTimes { next_fire_time: Some(start()), ..DueFireTimes::default() });
    }

    #[test]
    fn earliest_takes_the_first_and_passes_over_the_rest() {
        let due = due(Coalesce::Earliest, 10, None, second(5));
        assert_eq!((due.fire_times, due.next_fire_time), (vec![start()], Some(second(6))));
    }

    #[test]
    fn all_takes_each_and_reports_what_it_cuts_off() {
        let everything = due(Coalesce::All, 10, None, second(3));
        assert_eq!(everything.fire_times, [second(0), second(1), second(2), second(3)]);
        assert_eq!((everything.next_fire_time, everything.cut_off), (Some(second(4)), None));

        let capped = due(Coalesce::All, 2, None, second(3));
        assert_eq!(capped.fire_times, [second(0), second(1)]);
        assert_eq!((capped.next_fire_time, capped.cut_off), (Some(second(4)), Some((second(2), second(3)))));
    }

    #[test]
    fn max_fires_ends_the_schedule() {
        let last = due(Coalesce::Latest, 10, Some(1), second(3));
        assert_eq!((last.fire_times, last.next_fire_time), (vec![second(3)], None));
        let two_of_four = due(Coalesce::All, 10, Some(2), second(3));
        assert_eq!((two_of_four.fire_times.len(), two_of_four.next_fire_time), (2, None));
        assert_eq!(due(Coalesce::All, 10, Some(0), second(3)), DueFireTimes::default());
    }

    #[test]
    fn what_a_trigger_told_before_it_failed_is_not_lost() {
        // The parts agree at the start and never again.
        let every = |seconds| IntervalTrigger::every(Duration::from_secs(seconds)).starting_at(start());
        let apart = every(10).starting_at(second(5));
        let parts = [
            AnyTrigger::from(every(10)),
            OrTrigger::new([AnyTrigger::from(DateTrigger::at(start())), apart.into()]).unwrap().into(),
        ];
        let trigger = AndTrigger::builder().trigger(parts[0].clone()).trigger(parts[1].clone());
        let trigger = AnyTrigger::from(trigger.threshold(Duration::ZERO).max_iterations(2).build().unwrap());
        for coalesce in [Coalesce::Latest, Coalesce::Earliest, Coalesce::All] {
            let limits = DueLimits { coalesce, max_catch_up: 10, fires_left: None };
            let due = due_fire_times(&trigger, start(), second(1), limits);
            assert_eq!(due.fire_times, [start()], "{coalesce:?}");
            assert!(due.failure.is_some(), "{coalesce:?}");
        }
    }

    #[test]
    fn a_date_fires_once_however_late() {
        let trigger = AnyTrigger::from(DateTrigger::at(start()));
        for coalesce in [Coalesce::Latest, Coalesce::Earliest, Coalesce::All] {
            let limits = DueLimits { coalesce, max_catch_up: 10, fires_left: None };
            let due = due_fire_times(&trigger, start(), second(86_400), limits);
            assert_eq!((due.fire_times, due.next_fire_time), (vec![start()], None), "{coalesce:?}");
        }
    }
}
