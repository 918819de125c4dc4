//! What users do to schedules that exist: pause, unpause, update, fire, remove. The last write wins.

use std::time::Duration;

use chrono::{DateTime, TimeZone};

use super::Scheduler;
use super::error::{Error, Result};
use super::request::{RunRequest, run_request_setters, sent_by_await};
use crate::id::{IdError, JobId, ScheduleId};
use crate::payload::{Payload, TaskValue};
use crate::schedule::{
    Coalesce, Overlap, PauseEdit, ResumeFrom, Schedule, ScheduleEdit, SettingsEdit, job_by_hand,
};
use crate::store::{RemoveJobs, StoreError};
use crate::task::Setting;
use crate::trigger::AnyTrigger;

impl Scheduler {
    /// One schedule.
    ///
    /// # Errors
    /// [`Error::ScheduleNotFound`]; [`Error::Store`].
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn schedule(&self, id: impl AsRef<str> + Send) -> Result<Schedule> {
        let id = ScheduleId::new(id)?;
        let shared = self.shared();
        shared.connect().await?;
        let schedule = shared.ask(shared.store.schedule(&id)).await?;
        schedule.ok_or(Error::ScheduleNotFound { schedule_id: id })
    }

    /// Makes no new jobs of the schedule; those already made go on. Pausing twice is pausing once.
    ///
    /// # Errors
    /// [`Error::ScheduleNotFound`]; [`Error::Store`].
    ///
    /// # Cancel safety
    /// Dropping the future pauses the schedule or does not.
    pub async fn pause_schedule(&self, id: impl AsRef<str> + Send) -> Result<()> {
        let edit = ScheduleEdit { pause: Some(PauseEdit::Pause), ..ScheduleEdit::default() };
        self.edit_schedule(ScheduleId::new(id), edit).await
    }

    /// Lets the schedule fire again, without more from the fire time at which it stood: it may misfire then.
    ///
    /// ```
    /// # use apsched_core::{ScheduleId, scheduler::{Result, Scheduler}};
    /// # async fn example(scheduler: Scheduler) -> Result<()> {
    /// scheduler.unpause_schedule("nightly").resume_from_now().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::ScheduleNotFound`]; [`Error::Trigger`] when the trigger fails; [`Error::Store`].
    ///
    /// # Cancel safety
    /// Dropping the future unpauses the schedule or does not.
    pub fn unpause_schedule(&self, id: impl AsRef<str>) -> UnpauseSchedule {
        UnpauseSchedule { scheduler: self.clone(), id: ScheduleId::new(id), from: ResumeFrom::WhereItStood }
    }

    /// Changes a live schedule; what is not named stays. `.await` sends the change.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use apsched_core::{IntervalTrigger, ScheduleId, scheduler::{Result, Scheduler}};
    /// # async fn example(scheduler: Scheduler, id: ScheduleId) -> Result<()> {
    /// let every_minute = IntervalTrigger::every(Duration::from_secs(60));
    /// scheduler.update_schedule(&id).trigger(every_minute).payload("Grace".to_owned()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::ScheduleNotFound`]; [`Error::Trigger`] when the new trigger fails; [`Error::Payload`] when the new payload
    /// cannot be written; [`Error::ExecutorNotFound`] when the task's handler is here and the new executor is not;
    /// [`Error::Store`]. The schedule is then as it was.
    ///
    /// # Cancel safety
    /// Dropping the future makes the whole change or none of it.
    pub fn update_schedule(&self, id: impl AsRef<str>) -> UpdateSchedule {
        UpdateSchedule {
            scheduler: self.clone(),
            id: ScheduleId::new(id),
            run: RunRequest::default(),
            edit: ScheduleEdit::default(),
        }
    }

    /// Runs the schedule once, now; its next fire time does not move. Paused and finished schedules too.
    ///
    /// The job is added even if an earlier one is still there: the user has asked for it. [`Scheduler::job`] makes a handle
    /// of its id.
    ///
    /// # Errors
    /// [`Error::ScheduleNotFound`]; [`Error::Store`].
    ///
    /// # Cancel safety
    /// Dropping the future adds the job or does not.
    pub async fn fire_schedule(&self, id: impl AsRef<str> + Send) -> Result<JobId> {
        let schedule = self.schedule(id).await?;
        let shared = self.shared();
        let task = shared.task_to_add_for(&schedule.task_id).await?;
        let job = job_by_hand(&schedule, &task.definition, shared.now(), &mut shared.job_ids());
        let job_id = job.id;
        let events = shared.ask(shared.store.add_jobs(vec![job], shared.broker.interest())).await?;
        shared.publish(events);
        Ok(job_id)
    }

    /// Removes a schedule; its jobs go on, unless asked to cancel them. `.await` sends the request.
    ///
    /// # Errors
    /// [`Error::ScheduleNotFound`]; [`Error::Store`].
    ///
    /// # Cancel safety
    /// Dropping the future removes the schedule or does not.
    pub fn remove_schedule(&self, id: impl AsRef<str>) -> RemoveSchedule {
        RemoveSchedule { scheduler: self.clone(), id: ScheduleId::new(id), jobs: RemoveJobs::Keep }
    }

    async fn edit_schedule(&self, id: Result<ScheduleId, IdError>, edit: ScheduleEdit) -> Result<()> {
        let id = id?;
        let shared = self.shared();
        shared.connect().await?;
        let events = shared.ask(shared.store.edit_schedule(&id, edit, shared.now())).await.map_err(known)?;
        shared.publish(events);
        Ok(())
    }
}

/// A store's "not found" as the user's.
fn known(error: StoreError) -> Error {
    match error {
        StoreError::ScheduleNotFound { schedule_id } => Error::ScheduleNotFound { schedule_id },
        StoreError::Trigger { source, .. } => Error::Trigger(source),
        other => Error::Store(other),
    }
}

/// A schedule to be unpaused; see [`Scheduler::unpause_schedule`].
#[must_use = "the request is sent by `.await`"]
#[derive(Debug)]
pub struct UnpauseSchedule {
    scheduler: Scheduler,
    id: Result<ScheduleId, IdError>,
    from: ResumeFrom,
}

impl UnpauseSchedule {
    /// Goes on at the first fire time at or after now.
    pub const fn resume_from_now(mut self) -> Self {
        self.from = ResumeFrom::Now;
        self
    }

    /// Goes on at the first fire time at or after `at`, but not before one that has fired.
    pub fn resume_from<Z: TimeZone>(mut self, at: DateTime<Z>) -> Self {
        self.from = ResumeFrom::At(at.to_utc());
        self
    }

    async fn send(self) -> Result<()> {
        let edit = ScheduleEdit { pause: Some(PauseEdit::Unpause(self.from)), ..ScheduleEdit::default() };
        self.scheduler.edit_schedule(self.id, edit).await
    }
}

sent_by_await!(UnpauseSchedule => ());

/// Changes to a schedule; see [`Scheduler::update_schedule`].
#[must_use = "the request is sent by `.await`"]
#[derive(Debug)]
pub struct UpdateSchedule {
    scheduler: Scheduler,
    id: Result<ScheduleId, IdError>,
    run: RunRequest,
    edit: ScheduleEdit,
}

impl UpdateSchedule {
    run_request_setters!(run);

    /// Another trigger; the next fire time is computed from it.
    pub fn trigger(mut self, trigger: impl Into<AnyTrigger>) -> Self {
        self.edit.trigger = Some(trigger.into());
        self
    }

    /// Another payload, of the type that the task takes.
    pub fn payload<P: TaskValue>(mut self, payload: P) -> Self {
        let shared = self.scheduler.shared();
        let payload = Payload::new(payload, shared.store.payload_form(), &shared.serializers);
        self.edit.payload = self.run.check(payload);
        self
    }

    /// What becomes of fire times that pile up.
    pub const fn coalesce(mut self, coalesce: Coalesce) -> Self {
        self.settings().coalesce = Some(coalesce);
        self
    }

    /// What happens while an earlier job of the schedule is still there.
    pub const fn overlap(mut self, overlap: Overlap) -> Self {
        self.settings().overlap = Some(overlap);
        self
    }

    /// Longest time a job may start after its fire time; `None`: never too late.
    pub fn misfire_grace_time(mut self, grace: impl Into<Option<Duration>>) -> Self {
        self.settings().misfire_grace_time = Setting::Set(grace.into());
        self
    }

    /// Longest random delay of a job after its fire time. Zero: none.
    pub const fn max_jitter(mut self, jitter: Duration) -> Self {
        self.settings().max_jitter = Some(jitter);
        self
    }

    /// Fires after which the schedule is finished; `None`: no limit. Those before the update count.
    pub fn max_fires(mut self, most: impl Into<Option<u64>>) -> Self {
        self.settings().max_fires = Setting::Set(most.into());
        self
    }

    /// Most jobs made at once when [`Coalesce::All`] catches up; zero counts as 1.
    pub const fn max_catch_up(mut self, most: u32) -> Self {
        self.settings().max_catch_up = Some(most);
        self
    }

    /// How long the results of its jobs are kept. Zero: not kept.
    pub const fn keep_results(mut self, duration: Duration) -> Self {
        self.settings().result_expiration_time = Some(duration);
        self
    }

    const fn settings(&mut self) -> &mut SettingsEdit {
        &mut self.edit.settings
    }

    async fn send(mut self) -> Result<()> {
        self.edit.settings.run = self.run.finish()?;
        if let Setting::Set(executor) = &self.edit.settings.run.job_executor {
            let task = self.scheduler.schedule(self.id.clone()?).await?.task_id;
            self.scheduler.shared().check_executor(&task, executor)?;
        }
        self.scheduler.edit_schedule(self.id, self.edit).await
    }
}

sent_by_await!(UpdateSchedule => ());

/// A schedule to be removed; see [`Scheduler::remove_schedule`].
#[must_use = "the request is sent by `.await`"]
#[derive(Debug)]
pub struct RemoveSchedule {
    scheduler: Scheduler,
    id: Result<ScheduleId, IdError>,
    jobs: RemoveJobs,
}

impl RemoveSchedule {
    /// Its queued jobs end as cancelled, running ones are told to stop.
    pub const fn cancel_jobs(mut self) -> Self {
        self.jobs = RemoveJobs::Cancel;
        self
    }

    async fn send(self) -> Result<()> {
        let id = self.id?;
        let shared = self.scheduler.shared();
        shared.connect().await?;
        let events =
            shared.ask(shared.store.remove_schedule(&id, self.jobs, shared.now())).await.map_err(known)?;
        shared.publish(events);
        Ok(())
    }
}

sent_by_await!(RemoveSchedule => ());
