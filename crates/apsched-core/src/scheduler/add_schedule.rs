//! Adding schedules.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::Scheduler;
use super::error::{Error, Result};
use super::pending::{AtOnce, Pending};
use super::request::{RunRequest, run_request_setters, sent_by_await};
use crate::id::{IdError, ScheduleId, TaskId};
use crate::payload::{Payload, TaskValue};
use crate::schedule::{
    Coalesce, ConflictPolicy, Overlap, PauseEdit, Schedule, ScheduleEdit, ScheduleSettings,
};
use crate::store::StoreTransaction;
use crate::task::{Setting, TaskRef};
use crate::trigger::{AnyTrigger, TriggerError};

impl Scheduler {
    /// Adds a schedule; `.await` sends it and gives its id.
    ///
    /// ```
    /// use std::time::Duration;
    /// use apsched_core::{ConflictPolicy, IntervalTrigger, Task, scheduler::{Scheduler, Tasks}};
    ///
    /// const GREET: Task<String> = Task::new("greet");
    ///
    /// # #[tokio::main]
    /// # async fn main() -> apsched_core::scheduler::Result<()> {
    /// let tasks = Tasks::<()>::new().task(GREET, async |_name: String| ());
    /// let scheduler = Scheduler::builder().tasks(tasks).build()?;
    /// let hourly = IntervalTrigger::every(Duration::from_secs(3600));
    /// let id = scheduler
    ///     .add_schedule(GREET, "Ada".to_owned(), hourly)
    ///     .id("greet-ada")
    ///     .conflict_policy(ConflictPolicy::Update)
    ///     .await?;
    /// assert_eq!(scheduler.schedule(&id).await?.fires, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TaskNotFound`](super::Error::TaskNotFound) as for [`add_job`](Self::add_job); [`Trigger`](super::Error::Trigger)
    /// when the trigger fails; [`Store`](super::Error::Store) with
    /// [`ScheduleExists`](crate::StoreError::ScheduleExists) when the id is taken and the policy is to refuse.
    ///
    /// # Cancel safety
    /// Dropping the future adds the schedule or does not.
    pub fn add_schedule<T: TaskRef>(
        &self,
        task: T,
        payload: T::Payload,
        trigger: impl Into<AnyTrigger>,
    ) -> AddSchedule<T::Payload>
    where
        T::Payload: TaskValue,
    {
        AddSchedule {
            scheduler: self.clone(),
            task_id: task.task().id(),
            payload,
            trigger: trigger.into(),
            id: None,
            run: RunRequest::default(),
            settings: ScheduleSettings::default(),
            policy: ConflictPolicy::Error,
            pause: None,
        }
    }
}

/// A schedule to be added; see [`Scheduler::add_schedule`].
#[must_use = "the request is sent by `.await`"]
pub struct AddSchedule<P> {
    scheduler: Scheduler,
    task_id: Result<TaskId, IdError>,
    payload: P,
    trigger: AnyTrigger,
    id: Option<Result<ScheduleId, IdError>>,
    run: RunRequest,
    settings: ScheduleSettings,
    policy: ConflictPolicy,
    pause: Option<PauseEdit>,
}

impl<P> AddSchedule<P> {
    run_request_setters!(run);

    /// Its name. Default: a random one.
    pub fn id(mut self, id: impl AsRef<str>) -> Self {
        self.id = Some(ScheduleId::new(id));
        self
    }

    /// What happens when the name is taken. Default: an error.
    pub const fn conflict_policy(mut self, policy: ConflictPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// What becomes of fire times that pile up. Default [`Coalesce::Latest`].
    pub const fn coalesce(mut self, coalesce: Coalesce) -> Self {
        self.settings.coalesce = coalesce;
        self
    }

    /// What happens while an earlier job of the schedule is still there. Default [`Overlap::Skip`], or
    /// [`Overlap::Queue`] when all fire times are caught up.
    pub const fn overlap(mut self, overlap: Overlap) -> Self {
        self.settings.overlap = Some(overlap);
        self
    }

    /// Longest time a job may start after its fire time; `None`: never too late. Default: as the task says.
    pub fn misfire_grace_time(mut self, grace: impl Into<Option<Duration>>) -> Self {
        self.settings.misfire_grace_time = Setting::Set(grace.into());
        self
    }

    /// Longest random delay of a job after its fire time. Default zero: none.
    pub const fn max_jitter(mut self, jitter: Duration) -> Self {
        self.settings.max_jitter = jitter;
        self
    }

    /// Fires after which the schedule is finished; `None`: no limit. Default: no limit. Zero: it never fires.
    pub fn max_fires(mut self, most: impl Into<Option<u64>>) -> Self {
        self.settings.max_fires = most.into();
        self
    }

    /// Most jobs made at once when [`Coalesce::All`] catches up. Default 1,000; zero counts as 1.
    pub const fn max_catch_up(mut self, most: u32) -> Self {
        self.settings.max_catch_up = most;
        self
    }

    /// How long the results of its jobs are kept. Default zero: not kept.
    pub const fn keep_results(mut self, duration: Duration) -> Self {
        self.settings.result_expiration_time = duration;
        self
    }

    /// Adds it paused, until [`Scheduler::unpause_schedule`].
    pub const fn start_paused(mut self) -> Self {
        self.pause = Some(PauseEdit::Pause);
        self
    }
}

impl<P: TaskValue> AddSchedule<P> {
    /// Adds the schedule within a transaction of one's own; see [`AddJob::within`](super::AddJob::within).
    ///
    /// # Errors
    /// As [`Scheduler::add_schedule`]. Then nothing of it is committed; whether the transaction can still be is said at
    /// [`StoreTransaction`].
    ///
    /// # Cancel safety
    /// After the future was dropped the transaction is to be rolled back: it has the schedule or not.
    pub async fn within<T: StoreTransaction + ?Sized>(
        self,
        transaction: &mut T,
    ) -> Result<Pending<ScheduleId>> {
        let task_id = self.task_id?;
        let mut settings = self.settings;
        settings.run = self.run.finish()?;
        let shared = self.scheduler.shared();
        let id = match self.id {
            Some(id) => id?,
            None => ScheduleId::new(shared.new_job_id(shared.now()).to_string())?,
        };
        shared.connect().await?;
        let task = shared.task_to_add_for(&task_id).await?;
        let executor = settings.run.job_executor.clone().unwrap_or(task.definition.job_executor.clone());
        shared.check_executor(&task_id, &executor)?;
        let now = shared.now();
        let payload = Payload::new(self.payload, shared.store.payload_form(), &shared.serializers)?;
        let mut schedule = Schedule::new(
            id.clone(),
            task.definition.id.clone(),
            payload,
            &self.trigger,
            shared_settings(settings),
            now,
        )?;
        if schedule.next_fire_time.is_none() && schedule.settings.max_fires != Some(0) {
            return Err(Error::Trigger(TriggerError::NeverFires {
                trigger: schedule.trigger.to_string().into(),
                reason: "no fire time lies at or after its start".into(),
            }));
        }
        if self.pause.is_some() {
            let pause = ScheduleEdit { pause: self.pause, ..ScheduleEdit::default() };
            schedule = pause.applied_to(&schedule, now)?;
        }
        let events = transaction.add_schedule(schedule, self.policy).await?;
        Ok(Pending::new(self.scheduler, id, events))
    }

    async fn send(self) -> Result<ScheduleId> {
        let scheduler = self.scheduler.clone();
        Ok(self.within(&mut AtOnce(scheduler.data_store().as_ref())).await?.committed())
    }
}

/// The settings, shared by all schedules that say nothing.
fn shared_settings(settings: ScheduleSettings) -> Arc<ScheduleSettings> {
    static DEFAULT: LazyLock<Arc<ScheduleSettings>> = LazyLock::new(Arc::default);
    if settings == **DEFAULT { DEFAULT.clone() } else { Arc::new(settings) }
}

impl<P> fmt::Debug for AddSchedule<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddSchedule")
            .field("task", &self.task_id)
            .field("trigger", &self.trigger)
            .finish_non_exhaustive()
    }
}

sent_by_await!(AddSchedule<P: TaskValue> => ScheduleId);
