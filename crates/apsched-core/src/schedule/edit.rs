//! What does an edit by the user change? Pure; stores call it in the transaction that writes.
//!
//! Every edit makes a new revision and drops the lease: a scheduler that was turning the old definition into jobs
//! is refused when it comes to write, and the user's last write stays.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Coalesce, Overlap, Schedule, ScheduleSettings, ScheduleState};
use crate::payload::Payload;
use crate::task::{RunSettings, Setting};
use crate::trigger::{AnyTrigger, TriggerError};

/// Changes to a live schedule; what is not named stays.
#[derive(Clone, Debug, Default)]
pub struct ScheduleEdit {
    /// Another trigger; the next fire time is computed from it. `None`: trigger and next fire time stay.
    pub trigger: Option<AnyTrigger>,
    /// Another payload.
    pub payload: Option<Payload>,
    /// Other settings.
    pub settings: SettingsEdit,
    /// Pause or unpause.
    pub pause: Option<PauseEdit>,
}

/// Changes to a schedule's settings; what is not named stays.
#[derive(Clone, Debug, Default)]
pub struct SettingsEdit {
    /// What its jobs say in place of the task; merged over what was said.
    pub run: RunSettings,
    /// See [`ScheduleSettings::misfire_grace_time`].
    pub misfire_grace_time: Setting<Option<Duration>>,
    /// See [`ScheduleSettings::coalesce`].
    pub coalesce: Option<Coalesce>,
    /// See [`ScheduleSettings::overlap`].
    pub overlap: Option<Overlap>,
    /// See [`ScheduleSettings::max_jitter`].
    pub max_jitter: Option<Duration>,
    /// See [`ScheduleSettings::max_fires`].
    pub max_fires: Setting<Option<u64>>,
    /// See [`ScheduleSettings::max_catch_up`].
    pub max_catch_up: Option<u32>,
    /// See [`ScheduleSettings::result_expiration_time`].
    pub result_expiration_time: Option<Duration>,
}

impl SettingsEdit {
    /// `settings` with the changes.
    #[must_use]
    pub fn applied_to(self, settings: &ScheduleSettings) -> ScheduleSettings {
        ScheduleSettings {
            run: self.run.over(settings.run.clone()),
            misfire_grace_time: self.misfire_grace_time.or(settings.misfire_grace_time),
            coalesce: self.coalesce.unwrap_or(settings.coalesce),
            overlap: self.overlap.or(settings.overlap),
            max_jitter: self.max_jitter.unwrap_or(settings.max_jitter),
            max_fires: self.max_fires.unwrap_or(settings.max_fires),
            max_catch_up: self.max_catch_up.unwrap_or(settings.max_catch_up),
            result_expiration_time: self.result_expiration_time.unwrap_or(settings.result_expiration_time),
        }
    }
}

/// Whether the schedule is to fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseEdit {
    /// Make no new jobs; those already made are not touched.
    Pause,
    /// Fire again.
    Unpause(ResumeFrom),
}

/// Where an unpaused schedule goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResumeFrom {
    /// At the next fire time it had, which may lie in the past and then is coalesced or misfires.
    #[default]
    WhereItStood,
    /// At its first fire time at or after this instant.
    At(DateTime<Utc>),
    /// At its first fire time at or after the moment of the call.
    Now,
}

impl ScheduleEdit {
    /// The schedule after the edit, made at `now`.
    ///
    /// # Errors
    /// Whatever the trigger reports; the schedule is then to stay as it is.
    pub fn applied_to(self, schedule: &Schedule, now: DateTime<Utc>) -> Result<Schedule, TriggerError> {
        let mut edited = schedule.clone();
        edited.revision = schedule.revision.next();
        edited.token = schedule.token.next();
        edited.lease = None;
        if let Some(payload) = self.payload {
            edited.payload = payload;
        }
        let settings = self.settings.applied_to(&schedule.settings);
        if settings != *schedule.settings {
            let raised = settings.max_fires != schedule.settings.max_fires;
            edited.settings = Arc::new(settings);
            if raised {
                edited.follow_max_fires(now)?;
            }
        }
        if let Some(trigger) = self.trigger {
            edited.trigger = trigger.anchored_at(now);
            edited.follow_trigger()?;
        }
        match self.pause {
            None => {}
            Some(PauseEdit::Pause) => edited.state = ScheduleState::Paused,
            Some(PauseEdit::Unpause(from)) => edited.unpause(from, now)?,
        }
        edited.settle();
        Ok(edited)
    }
}

impl Schedule {
    fn unpause(&mut self, from: ResumeFrom, now: DateTime<Utc>) -> Result<(), TriggerError> {
        if self.state != ScheduleState::Paused {
            return Ok(());
        }
        self.state = ScheduleState::Active;
        match from {
            ResumeFrom::WhereItStood => self.go_on_where_it_stood(),
            ResumeFrom::At(at) => self.go_on_from(at),
            ResumeFrom::Now => self.go_on_from(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ScheduleId, TaskId};
    use crate::trigger::IntervalTrigger;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
    }

    fn schedule() -> Schedule {
        Schedule::new(
            ScheduleId::new("id").unwrap(),
            TaskId::new("task").unwrap(),
            Payload::unit(),
            &AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(10))),
            Arc::new(ScheduleSettings::default()),
            at(0),
        )
        .unwrap()
    }

    fn pause(edit: PauseEdit) -> ScheduleEdit {
        ScheduleEdit { pause: Some(edit), ..ScheduleEdit::default() }
    }

    #[test]
    fn a_pause_keeps_the_next_fire_time_and_unpausing_goes_on_there() {
        let paused = pause(PauseEdit::Pause).applied_to(&schedule(), at(5)).unwrap();
        assert_eq!((paused.state.clone(), paused.next_fire_time), (ScheduleState::Paused, Some(at(0))));
        let edit = pause(PauseEdit::Unpause(ResumeFrom::WhereItStood));
        let resumed = edit.applied_to(&paused, at(95)).unwrap();
        assert_eq!((resumed.state, resumed.next_fire_time), (ScheduleState::Active, Some(at(0))));
    }

    #[test]
    fn resuming_from_an_instant_takes_a_fire_time_at_or_after_it() {
        let paused = pause(PauseEdit::Pause).applied_to(&schedule(), at(5)).unwrap();
        let resume =
            |from, now| pause(PauseEdit::Unpause(from)).applied_to(&paused, now).unwrap().next_fire_time;
        assert_eq!(resume(ResumeFrom::Now, at(95)), Some(at(100)));
        assert_eq!(resume(ResumeFrom::Now, at(100)), Some(at(100)));
        assert_eq!(resume(ResumeFrom::At(at(41)), at(95)), Some(at(50)));
    }

    #[test]
    fn resuming_from_the_past_does_not_fire_twice() {
        let fired = Schedule { last_fire_time: Some(at(30)), next_fire_time: Some(at(40)), ..schedule() };
        let paused = pause(PauseEdit::Pause).applied_to(&fired, at(35)).unwrap();
        let resumed = pause(PauseEdit::Unpause(ResumeFrom::At(at(10)))).applied_to(&paused, at(36)).unwrap();
        assert_eq!(resumed.next_fire_time, Some(at(40)));
    }

    #[test]
    fn settings_keep_the_next_fire_time_and_another_trigger_does_not() {
        let fired =
            Schedule { last_fire_time: Some(at(30)), next_fire_time: Some(at(40)), fires: 4, ..schedule() };
        let settings = SettingsEdit { max_jitter: Some(Duration::from_secs(1)), ..SettingsEdit::default() };
        let edited = ScheduleEdit { settings, ..ScheduleEdit::default() }.applied_to(&fired, at(35)).unwrap();
        assert_eq!(edited.next_fire_time, Some(at(40)));
        let trigger = Some(AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(60))));
        let edited = ScheduleEdit { trigger, ..ScheduleEdit::default() }.applied_to(&fired, at(35)).unwrap();
        assert_eq!((edited.next_fire_time, edited.fires), (Some(at(35)), 4));
    }

    #[test]
    fn every_edit_voids_a_claim() {
        let edited = ScheduleEdit::default().applied_to(&schedule(), at(5)).unwrap();
        assert!(edited.revision > schedule().revision && edited.token > schedule().token);
        assert!(edited.lease.is_none());
    }

    #[test]
    fn raising_max_fires_revives_a_finished_schedule() {
        let settings = |max| SettingsEdit { max_fires: Setting::Set(max), ..SettingsEdit::default() };
        let edit = |max| ScheduleEdit { settings: settings(max), ..ScheduleEdit::default() };
        let finished = edit(Some(0)).applied_to(&schedule(), at(5)).unwrap();
        assert_eq!((finished.state.clone(), finished.next_fire_time), (ScheduleState::Finished, None));
        let revived = edit(Some(3)).applied_to(&finished, at(5)).unwrap();
        assert_eq!((revived.state, revived.next_fire_time), (ScheduleState::Active, Some(at(10))));
    }

    #[test]
    fn a_new_trigger_does_not_fire_again_what_has_fired() {
        let fired =
            Schedule { last_fire_time: Some(at(30)), next_fire_time: Some(at(40)), fires: 4, ..schedule() };
        let trigger = IntervalTrigger::every(Duration::from_secs(10)).starting_at(at(0)).ending_at(at(90));
        let edit = ScheduleEdit { trigger: Some(AnyTrigger::from(trigger)), ..ScheduleEdit::default() };
        assert_eq!(edit.applied_to(&fired, at(35)).unwrap().next_fire_time, Some(at(40)));
    }

    #[test]
    fn a_quarantined_schedule_that_is_paused_and_unpaused_does_not_fire_again_what_has_fired() {
        let state = ScheduleState::Quarantined(Arc::from("broken"));
        let fired =
            Schedule { state, last_fire_time: Some(at(30)), next_fire_time: Some(at(30)), ..schedule() };
        let paused = pause(PauseEdit::Pause).applied_to(&fired, at(35)).unwrap();
        let edit = pause(PauseEdit::Unpause(ResumeFrom::WhereItStood));
        assert_eq!(edit.applied_to(&paused, at(36)).unwrap().next_fire_time, Some(at(40)));
    }

    #[test]
    fn a_pause_outlives_whatever_else_is_changed() {
        let settings = |max| SettingsEdit { max_fires: Setting::Set(max), ..SettingsEdit::default() };
        let edit = |max| ScheduleEdit { settings: settings(max), ..ScheduleEdit::default() };
        let finished = edit(Some(0)).applied_to(&schedule(), at(5)).unwrap();
        let quarantined = Schedule { state: ScheduleState::Quarantined(Arc::from("broken")), ..schedule() };
        for before in [schedule(), finished, quarantined] {
            let paused = pause(PauseEdit::Pause).applied_to(&before, at(5)).unwrap();
            let changed = edit(Some(0)).applied_to(&paused, at(6)).unwrap();
            let changed = edit(Some(9)).applied_to(&changed, at(7)).unwrap();
            assert_eq!(changed.state, ScheduleState::Paused, "{}", before.state);
            assert_eq!(changed.next_fire_time, Some(at(10)), "{}", before.state);
        }
    }

    #[test]
    fn a_new_trigger_revives_a_quarantined_schedule() {
        let state = ScheduleState::Quarantined(Arc::from("no such trigger"));
        let quarantined = Schedule { state, ..schedule() };
        let trigger = Some(AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(60))));
        let edited =
            ScheduleEdit { trigger, ..ScheduleEdit::default() }.applied_to(&quarantined, at(5)).unwrap();
        assert_eq!(edited.state, ScheduleState::Active);
    }
}
