//! What users do: add, change, pause, remove, cancel, at any moment of the processing.
//!
//! A user's call may fail too, before or after it did its work; then nobody hears of it, and a batch of jobs is sent
//! again.

use std::time::Duration;

use apsched_core::event::{Event, EventInterest};
use apsched_core::schedule::{PauseEdit, ResumeFrom, ScheduleEdit, SettingsEdit, job_by_hand};
use apsched_core::store::{AcquireSchedules, RemoveJobs, StoreResult};
use apsched_core::{
    ConflictPolicy, DataStore, Job, JobId, Schedule, ScheduleId, SchedulerId, SchedulerName, Setting,
    StoreError,
};

use super::breach::Checked;
use super::probe;
use super::scenario::{JobKind, ScheduleKind};
use super::store_call::StoreCall;
use super::world::{Happening, Phase, World};

impl<S: DataStore> World<S> {
    /// What is there before the first node starts.
    pub(super) fn prepare(&mut self) -> Checked {
        for definition in self.names.definitions() {
            self.ledger.limits.insert(definition.id.clone(), definition.max_running_jobs);
            probe::read(self.store.put_tasks(vec![definition]))?;
        }
        for _ in 0..self.scenario.load.schedules {
            let schedule = self.draw_schedule();
            self.add_schedule(schedule, ConflictPolicy::Error)?;
        }
        let backlog = (0..self.scenario.load.backlog).map(|_| self.backlog_job()).collect();
        self.add_jobs(backlog)?;
        if self.scenario.load.kind == ScheduleKind::NeverDue {
            self.make_idle()?;
        }
        Ok(())
    }

    /// Lets somebody hold some of the due schedules for long, and pauses the others.
    fn make_idle(&mut self) -> Checked {
        let scheduler_id = SchedulerId::new(SchedulerName::new("elsewhere").expect("a valid name"), 1);
        let limit = self.random.usize(0..=2);
        let now = self.now + self.scenario.turmoil;
        let claim = AcquireSchedules { scheduler_id, now, lease: Duration::from_secs(86_400), limit };
        StoreCall::AcquireSchedules(claim).perform(&self.store, &mut self.ledger, self.now, |_| false)?;
        let ids: Vec<ScheduleId> = self.ledger.schedules.keys().cloned().collect();
        for id in ids {
            if self.ledger.schedules[&id].held.is_none() {
                let edit = ScheduleEdit { pause: Some(PauseEdit::Pause), ..ScheduleEdit::default() };
                self.edit_schedule(&id, edit)?;
            }
        }
        Ok(())
    }

    /// The saturated task gets room, so that its backlog comes to an end.
    pub(super) fn free_the_saturated(&mut self) -> Checked {
        let busy = self.names.busy.clone();
        self.set_limit(&busy, None)
    }

    pub(super) fn act(&mut self) -> Checked {
        self.summary.edits += 1;
        if self.chance(self.scenario.load.edits) {
            return self.touch_schedule();
        }
        match self.random.u8(0..20) {
            0..=3 => match self.draw_unfinished() {
                Some(id) => self.cancel_job(id),
                None => Ok(()),
            },
            4 if self.scenario.load.jobs == JobKind::Any => {
                let few = self.names.few.clone();
                let limit = self.random.u32(1..=5);
                self.set_limit(&few, Some(limit))
            }
            _ => {
                let count = self.random.usize(1..=4);
                let jobs: Vec<Job> = (0..count).map(|_| self.draw_job()).collect();
                if self.random.u8(0..5) == 0 {
                    let at = self.after(Duration::from_secs(3));
                    self.agenda.add(at, Happening::UserRepeats(jobs.clone()));
                }
                self.add_jobs(jobs)
            }
        }
    }

    fn touch_schedule(&mut self) -> Checked {
        let Some(id) = self.draw_schedule_id() else { return Ok(()) };
        if self.scenario.load.kind == ScheduleKind::NeverDue {
            return Ok(());
        }
        let pause = |edit| ScheduleEdit { pause: Some(edit), ..ScheduleEdit::default() };
        match self.random.u8(0..10) {
            0 => self.edit_schedule(&id, pause(PauseEdit::Pause)),
            1 | 2 => {
                let some_time = self.after(Duration::from_secs(5)) - Duration::from_secs(3);
                let from = [ResumeFrom::WhereItStood, ResumeFrom::Now, ResumeFrom::At(some_time)];
                let from = *self.random.choice(&from).expect("not empty");
                self.edit_schedule(&id, pause(PauseEdit::Unpause(from)))
            }
            3 => {
                let trigger = Some(self.draw_trigger());
                self.edit_schedule(&id, ScheduleEdit { trigger, ..ScheduleEdit::default() })
            }
            4 => {
                let settings = self.draw_settings_edit();
                self.edit_schedule(&id, ScheduleEdit { settings, ..ScheduleEdit::default() })
            }
            5 => {
                let jobs = if self.random.bool() { RemoveJobs::Keep } else { RemoveJobs::Cancel };
                self.remove_schedule(&id, jobs)
            }
            6 => self.run_now(&id),
            _ => {
                let policies = [
                    ConflictPolicy::Error,
                    ConflictPolicy::DoNothing,
                    ConflictPolicy::Replace,
                    ConflictPolicy::Update,
                ];
                let policy = *self.random.choice(&policies).expect("not empty");
                let schedule =
                    if self.random.bool() { self.draw_schedule_of(id) } else { self.draw_schedule() };
                self.add_schedule(schedule, policy)
            }
        }
    }

    fn draw_settings_edit(&mut self) -> SettingsEdit {
        let drawn = self.draw_schedule_settings();
        SettingsEdit {
            coalesce: self.random.bool().then_some(drawn.coalesce),
            max_jitter: self.random.bool().then_some(drawn.max_jitter),
            max_fires: if self.random.bool() { Setting::Set(drawn.max_fires) } else { Setting::Inherited },
            max_catch_up: self.random.bool().then_some(drawn.max_catch_up),
            ..SettingsEdit::default()
        }
    }

    fn draw_schedule_id(&mut self) -> Option<ScheduleId> {
        let ids: Vec<&ScheduleId> = self.ledger.schedules.keys().collect();
        self.random.choice(&ids).map(|id| (*id).clone())
    }

    fn draw_unfinished(&mut self) -> Option<JobId> {
        let ids: Vec<JobId> = self.ledger.unfinished().map(|entry| entry.job.id).collect();
        self.random.choice(&ids).copied()
    }

    // ----- calls -----

    pub(super) fn add_jobs(&mut self, jobs: Vec<Job>) -> Checked {
        if jobs.is_empty() || self.fails_before() {
            return Ok(());
        }
        self.trace.note(self.now, || format!("user adds {}", names(&jobs)));
        jobs.iter().for_each(|job| self.ledger.propose(job));
        let events = probe::read(self.store.add_jobs(jobs.clone(), EventInterest::ALL))?;
        for job in &jobs {
            self.ledger.commit(&self.store, job.id, self.now)?;
        }
        self.tell(&events);
        Ok(())
    }

    fn cancel_job(&mut self, id: JobId) -> Checked {
        if self.fails_before() {
            return Ok(());
        }
        self.trace.note(self.now, || format!("user cancels {id}"));
        let events = probe::read(self.store.cancel_job(id, self.now))?;
        self.ledger.cancel_asked(&self.store, id)?;
        self.tell(&events);
        Ok(())
    }

    fn set_limit(&mut self, task: &apsched_core::TaskId, limit: Option<u32>) -> Checked {
        self.trace.note(self.now, || format!("user allows {limit:?} running jobs of {task}"));
        let events = probe::read(self.store.put_tasks(vec![self.names.definition(task, limit)]))?;
        self.ledger.limits.insert(task.clone(), limit);
        self.tell(&events);
        Ok(())
    }

    fn add_schedule(&mut self, schedule: Schedule, policy: ConflictPolicy) -> Checked {
        if self.fails_before() {
            return Ok(());
        }
        self.trace.note(self.now, || format!("user adds {schedule} ({policy:?})"));
        let answer = probe::ask(self.store.add_schedule(schedule.clone(), policy))?;
        let events = allowed(answer)?;
        self.ledger.schedule_added(&self.store, &schedule, policy)?;
        self.tell(&events);
        Ok(())
    }

    fn edit_schedule(&mut self, id: &ScheduleId, edit: ScheduleEdit) -> Checked {
        if self.fails_before() {
            return Ok(());
        }
        self.trace.note(self.now, || format!("user edits {id}: {:?} {:?}", edit.pause, edit.trigger));
        let answer = probe::ask(self.store.edit_schedule(id, edit.clone(), self.now))?;
        let events = allowed(answer)?;
        self.ledger.schedule_edited(&self.store, id, edit, self.now)?;
        self.tell(&events);
        Ok(())
    }

    fn remove_schedule(&mut self, id: &ScheduleId, jobs: RemoveJobs) -> Checked {
        if self.fails_before() || self.ledger.schedules[id].now.is_none() {
            return Ok(());
        }
        self.trace.note(self.now, || format!("user removes {id} ({jobs:?})"));
        let events = allowed(probe::ask(self.store.remove_schedule(id, jobs, self.now))?)?;
        self.ledger.schedule_removed(&self.store, id)?;
        if jobs == RemoveJobs::Cancel {
            let of_schedule =
                self.ledger.unfinished().filter(|entry| entry.job.schedule_id.as_ref() == Some(id));
            for job in of_schedule.map(|entry| entry.job.id).collect::<Vec<_>>() {
                self.ledger.cancel_asked(&self.store, job)?;
            }
        }
        self.tell(&events);
        Ok(())
    }

    fn run_now(&mut self, id: &ScheduleId) -> Checked {
        let Some(schedule) = self.ledger.schedules[id].now.clone() else { return Ok(()) };
        let task = self.names.definition(&schedule.task_id, None);
        let job = job_by_hand(&schedule, &task, self.now, &mut self.ids);
        self.add_jobs(vec![job])
    }

    fn fails_before(&mut self) -> bool {
        self.phase == Phase::Turmoil && self.start < self.now && self.chance(self.scenario.faults.fail_before)
    }

    /// Publishes what a call caused, unless its answer was lost.
    fn tell(&mut self, events: &[Event]) {
        if !self.chance(self.scenario.faults.fail_after) {
            self.publish(events);
        }
    }
}

/// The events, or none when the store refused for a reason that the user was to expect.
fn allowed(answer: StoreResult<Vec<Event>>) -> Checked<Vec<Event>> {
    match answer {
        Ok(events) => Ok(events),
        Err(
            StoreError::ScheduleExists { .. }
            | StoreError::ScheduleNotFound { .. }
            | StoreError::Trigger { .. },
        ) => Ok(Vec::new()),
        Err(error) => Err(probe::unexpected(&error)),
    }
}

fn names(jobs: &[Job]) -> String {
    let names: Vec<String> = jobs.iter().map(|job| format!("{} of {}", job.id, job.task_id)).collect();
    names.join(", ")
}
