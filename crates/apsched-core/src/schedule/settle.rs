//! What follows for a schedule's state and next fire time when its definition changes? Pure; used by edits and by
//! conflict policies alike.
//!
//! A fire time that has fired does not fire again, whatever is changed. A pause is the user's and stays until a user ends
//! it; only another trigger ends a quarantine.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Schedule, ScheduleState};
use crate::instant;
use crate::trigger::{TriggerError, checked_next};

impl Schedule {
    /// After a change of the trigger: the next fire time is its first that has not fired.
    pub(super) fn follow_trigger(&mut self) -> Result<(), TriggerError> {
        self.next_fire_time = match self.last_fire_time {
            Some(last) => checked_next(&self.trigger, last)?,
            None => self.trigger.first()?,
        };
        if self.state != ScheduleState::Paused {
            self.state = ScheduleState::Active;
        }
        Ok(())
    }

    /// Makes the first fire time at or after `at` the next one, unless the schedule has fired later than that.
    pub(super) fn go_on_from(&mut self, at: DateTime<Utc>) -> Result<(), TriggerError> {
        let before = instant::before(at, Duration::from_micros(1));
        let after = self.last_fire_time.map_or(before, |last| last.max(before));
        self.next_fire_time = checked_next(&self.trigger, after)?;
        Ok(())
    }

    /// At the end of a pause: the next fire time is the one it had, unless that one has fired, as in a quarantine.
    pub(super) fn go_on_where_it_stood(&mut self) -> Result<(), TriggerError> {
        match (self.next_fire_time, self.last_fire_time) {
            (Some(next), Some(last)) if next <= last => self.follow_trigger(),
            _ => Ok(()),
        }
    }

    /// After a change of `max_fires`: a schedule that had used up its fires goes on from `now` if it has more.
    pub(super) fn follow_max_fires(&mut self, now: DateTime<Utc>) -> Result<(), TriggerError> {
        let has_stopped =
            self.next_fire_time.is_none() && !matches!(self.state, ScheduleState::Quarantined(_));
        if has_stopped && self.fires_left() != Some(0) { self.go_on_from(now) } else { Ok(()) }
    }

    /// Brings state, next fire time and `max_fires` in line, once all changes are made.
    pub(super) fn settle(&mut self) {
        if self.fires_left() == Some(0) {
            self.next_fire_time = None;
        }
        if matches!(self.state, ScheduleState::Active | ScheduleState::Finished) {
            self.state = ScheduleState::after_fire(self.next_fire_time);
        }
    }
}
