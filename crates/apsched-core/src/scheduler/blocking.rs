//! The scheduler without async: the same verbs and defaults, for programs that have no runtime.
//!
//! A blocking scheduler brings a runtime of its own, on which it and its async handlers run. Every call waits for the
//! answer. Requests with settings take a closure in which the setters of the async request are used:
//!
//! ```
//! use apsched_core::scheduler::{Tasks, blocking::Scheduler};
//! use apsched_core::{Retry, Task};
//!
//! const GREET: Task<String, String> = Task::new("greet");
//!
//! let tasks = Tasks::<()>::new().blocking(GREET, |name: String| format!("hello {name}"));
//! let scheduler = Scheduler::builder(|builder| builder.tasks(tasks)).start_in_background()?;
//! assert_eq!(scheduler.run_job(GREET, "Ada".to_owned())?, "hello Ada");
//! let again = scheduler.run_job_with(GREET, "Bob".to_owned(), |job| job.retry(Retry::exponential(3)))?;
//! assert_eq!(again, "hello Bob");
//! scheduler.shutdown(std::time::Duration::from_secs(1));
//! # Ok::<(), apsched_core::scheduler::Error>(())
//! ```
//!
//! Not here: adding within a transaction of one's own ([`AddJob::within`]). A store's transaction is awaited, so whoever
//! has one has a runtime, and takes [`Scheduler::as_async`] on it.
//!
//! # Panics
//! Calls panic inside of an async context: there, use [`Scheduler::as_async`] or the async scheduler.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::runtime::Runtime;

use super::error::{Error, Result};
use super::{
    AddJob, AddJobs, AddSchedule, ConfigureTask, ListJobs, ListSchedules, RemoveSchedule, RunJob,
    SchedulerBuilder, SchedulerState, UnpauseSchedule, UpdateSchedule,
};
use crate::event::EventType;
use crate::id::{JobId, ScheduleId, SchedulerId};
use crate::job::{Job, JobStatus, Progress};
use crate::payload::TaskValue;
use crate::schedule::Schedule;
use crate::task::{TaskDefinition, TaskRef};
use crate::trigger::AnyTrigger;

/// A scheduler whose calls wait; a cheap handle, cloned freely. Its runtime ends with the last handle.
#[derive(Clone, Debug)]
pub struct Scheduler {
    scheduler: super::Scheduler,
    runtime: Arc<Runtime>,
}

/// Puts a blocking [`Scheduler`] together.
#[must_use = "a builder does nothing until it is built or started"]
#[derive(Debug)]
pub struct Builder(SchedulerBuilder);

impl Builder {
    /// Checks everything and makes the scheduler, which is a client until it is started.
    ///
    /// # Errors
    /// [`Error::Configuration`] with every problem; [`Error::Runtime`] when no runtime can be made.
    pub fn build(self) -> Result<Scheduler> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("apsched").build();
        let runtime = runtime.map_err(|error| Error::Runtime { source: Arc::new(error) })?;
        Ok(Scheduler { scheduler: self.0.build()?, runtime: Arc::new(runtime) })
    }

    /// Builds the scheduler and starts it on its own threads.
    ///
    /// # Errors
    /// Those of [`build`](Self::build) and [`Scheduler::start_in_background`].
    pub fn start_in_background(self) -> Result<Scheduler> {
        let scheduler = self.build()?;
        scheduler.start_in_background()?;
        Ok(scheduler)
    }

    /// Builds the scheduler and runs it until Ctrl-C, SIGTERM or [`Scheduler::stop`].
    ///
    /// # Errors
    /// Those of [`build`](Self::build) and [`Scheduler::start_in_background`].
    pub fn run_until_stopped(self) -> Result<()> {
        self.build()?.run_until_stopped()
    }
}

impl Scheduler {
    /// Puts a scheduler together, with the setters of the async builder: `Scheduler::builder(|b| b.tasks(tasks))`.
    pub fn builder(configure: impl FnOnce(SchedulerBuilder) -> SchedulerBuilder) -> Builder {
        Builder(configure(super::Scheduler::builder()))
    }

    /// The async scheduler inside, for what has no blocking twin.
    #[must_use]
    pub const fn as_async(&self) -> &super::Scheduler {
        &self.scheduler
    }

    fn wait<T>(&self, request: impl IntoFuture<Output = T>) -> T {
        self.runtime.block_on(request.into_future())
    }

    // ----- life -----

    /// See the async [`start_in_background`](super::Scheduler::start_in_background).
    ///
    /// # Errors
    /// As there.
    pub fn start_in_background(&self) -> Result<()> {
        self.wait(self.scheduler.start_in_background())
    }

    /// See the async [`run_until_stopped`](super::Scheduler::run_until_stopped).
    ///
    /// # Errors
    /// As there.
    pub fn run_until_stopped(&self) -> Result<()> {
        self.wait(self.scheduler.run_until_stopped())
    }

    /// See the async [`stop`](super::Scheduler::stop).
    pub fn stop(&self) {
        self.scheduler.stop();
    }

    /// See the async [`shutdown`](super::Scheduler::shutdown).
    pub fn shutdown(&self, drain: Duration) {
        self.wait(self.scheduler.shutdown(drain));
    }

    /// See the async [`wait_until_stopped`](super::Scheduler::wait_until_stopped).
    pub fn wait_until_stopped(&self) {
        self.wait(self.scheduler.wait_until_stopped());
    }

    /// See the async [`pause`](super::Scheduler::pause).
    ///
    /// # Errors
    /// As there.
    pub fn pause(&self) -> Result<()> {
        self.scheduler.pause()
    }

    /// See the async [`resume`](super::Scheduler::resume).
    ///
    /// # Errors
    /// As there.
    pub fn resume(&self) -> Result<()> {
        self.scheduler.resume()
    }

    /// Where the scheduler stands.
    #[must_use]
    pub fn state(&self) -> SchedulerState {
        self.scheduler.state()
    }

    /// The scheduler's time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.scheduler.now()
    }

    /// Who it is in leases and events.
    #[must_use]
    pub fn id(&self) -> &SchedulerId {
        self.scheduler.id()
    }

    // ----- jobs -----

    /// Adds a job that says nothing but its payload; see the async [`add_job`](super::Scheduler::add_job).
    ///
    /// # Errors
    /// As there.
    pub fn add_job<T: TaskRef>(&self, task: T, payload: T::Payload) -> Result<JobHandle<T::Output>>
    where
        T::Payload: TaskValue,
        T::Output: TaskValue,
    {
        self.add_job_with(task, payload, |job| job)
    }

    /// Adds a job with settings.
    ///
    /// # Errors
    /// As [`add_job`](Self::add_job).
    pub fn add_job_with<T: TaskRef>(
        &self,
        task: T,
        payload: T::Payload,
        configure: impl FnOnce(AddJob<T::Payload, T::Output>) -> AddJob<T::Payload, T::Output>,
    ) -> Result<JobHandle<T::Output>>
    where
        T::Payload: TaskValue,
        T::Output: TaskValue,
    {
        let job = self.wait(configure(self.scheduler.add_job(task, payload)))?;
        Ok(JobHandle { job, runtime: self.runtime.clone() })
    }

    /// Adds one job for each payload, in one batch; see the async [`add_jobs`](super::Scheduler::add_jobs).
    ///
    /// # Errors
    /// As there.
    pub fn add_jobs<T: TaskRef>(
        &self,
        task: T,
        payloads: impl IntoIterator<Item = T::Payload>,
    ) -> Result<Vec<JobId>>
    where
        T::Payload: TaskValue,
    {
        self.add_jobs_with(task, payloads, |jobs| jobs)
    }

    /// Adds one job for each payload, with settings.
    ///
    /// # Errors
    /// As [`add_jobs`](Self::add_jobs).
    pub fn add_jobs_with<T: TaskRef>(
        &self,
        task: T,
        payloads: impl IntoIterator<Item = T::Payload>,
        configure: impl FnOnce(AddJobs<T::Payload>) -> AddJobs<T::Payload>,
    ) -> Result<Vec<JobId>>
    where
        T::Payload: TaskValue,
    {
        self.wait(configure(self.scheduler.add_jobs(task, payloads)))
    }

    /// Adds a job and waits for what it returns; see the async [`run_job`](super::Scheduler::run_job).
    ///
    /// # Errors
    /// As there.
    pub fn run_job<T: TaskRef>(&self, task: T, payload: T::Payload) -> Result<T::Output>
    where
        T::Payload: TaskValue,
        T::Output: TaskValue,
    {
        self.run_job_with(task, payload, |job| job)
    }

    /// Adds a job with settings and waits for what it returns.
    ///
    /// # Errors
    /// As [`run_job`](Self::run_job).
    pub fn run_job_with<T: TaskRef>(
        &self,
        task: T,
        payload: T::Payload,
        configure: impl FnOnce(RunJob<T::Payload, T::Output>) -> RunJob<T::Payload, T::Output>,
    ) -> Result<T::Output>
    where
        T::Payload: TaskValue,
        T::Output: TaskValue,
    {
        self.wait(configure(self.scheduler.run_job(task, payload)))
    }

    /// The handle of a job that was added elsewhere; see the async [`job`](super::Scheduler::job).
    #[must_use]
    pub fn job<R: TaskValue>(&self, id: JobId) -> JobHandle<R> {
        JobHandle { job: self.scheduler.job(id), runtime: self.runtime.clone() }
    }

    /// See the async [`cancel_job`](super::Scheduler::cancel_job).
    ///
    /// # Errors
    /// As there.
    pub fn cancel_job(&self, id: JobId) -> Result<()> {
        self.wait(self.scheduler.cancel_job(id))
    }

    /// The queued and running jobs, narrowed by the filters of the async [`jobs`](super::Scheduler::jobs).
    ///
    /// # Errors
    /// As there.
    pub fn jobs(&self, filter: impl FnOnce(ListJobs) -> ListJobs) -> Result<Vec<Job>> {
        self.wait(filter(self.scheduler.jobs()))
    }

    // ----- schedules -----

    /// Adds a schedule that says nothing but its trigger; see the async
    /// [`add_schedule`](super::Scheduler::add_schedule).
    ///
    /// # Errors
    /// As there.
    pub fn add_schedule<T: TaskRef>(
        &self,
        task: T,
        payload: T::Payload,
        trigger: impl Into<AnyTrigger>,
    ) -> Result<ScheduleId>
    where
        T::Payload: TaskValue,
    {
        self.add_schedule_with(task, payload, trigger, |schedule| schedule)
    }

    /// Adds a schedule with settings.
    ///
    /// # Errors
    /// As [`add_schedule`](Self::add_schedule).
    pub fn add_schedule_with<T: TaskRef>(
        &self,
        task: T,
        payload: T::Payload,
        trigger: impl Into<AnyTrigger>,
        configure: impl FnOnce(AddSchedule<T::Payload>) -> AddSchedule<T::Payload>,
    ) -> Result<ScheduleId>
    where
        T::Payload: TaskValue,
    {
        self.wait(configure(self.scheduler.add_schedule(task, payload, trigger)))
    }

    /// See the async [`schedule`](super::Scheduler::schedule).
    ///
    /// # Errors
    /// As there.
    pub fn schedule(&self, id: impl AsRef<str> + Send) -> Result<Schedule> {
        self.wait(self.scheduler.schedule(id))
    }

    /// The schedules, narrowed by the filters of the async [`schedules`](super::Scheduler::schedules).
    ///
    /// # Errors
    /// As there.
    pub fn schedules(&self, filter: impl FnOnce(ListSchedules) -> ListSchedules) -> Result<Vec<Schedule>> {
        self.wait(filter(self.scheduler.schedules()))
    }

    /// See the async [`pause_schedule`](super::Scheduler::pause_schedule).
    ///
    /// # Errors
    /// As there.
    pub fn pause_schedule(&self, id: impl AsRef<str> + Send) -> Result<()> {
        self.wait(self.scheduler.pause_schedule(id))
    }

    /// Lets a schedule fire again: `unpause_schedule(&id, |it| it.resume_from_now())`; see the async
    /// [`unpause_schedule`](super::Scheduler::unpause_schedule).
    ///
    /// # Errors
    /// As there.
    pub fn unpause_schedule(
        &self,
        id: impl AsRef<str>,
        configure: impl FnOnce(UnpauseSchedule) -> UnpauseSchedule,
    ) -> Result<()> {
        self.wait(configure(self.scheduler.unpause_schedule(id)))
    }

    /// Changes a live schedule; see the async [`update_schedule`](super::Scheduler::update_schedule).
    ///
    /// # Errors
    /// As there.
    pub fn update_schedule(
        &self,
        id: impl AsRef<str>,
        change: impl FnOnce(UpdateSchedule) -> UpdateSchedule,
    ) -> Result<()> {
        self.wait(change(self.scheduler.update_schedule(id)))
    }

    /// See the async [`fire_schedule`](super::Scheduler::fire_schedule).
    ///
    /// # Errors
    /// As there.
    pub fn fire_schedule(&self, id: impl AsRef<str> + Send) -> Result<JobId> {
        self.wait(self.scheduler.fire_schedule(id))
    }

    /// Removes a schedule: `remove_schedule(&id, |it| it.cancel_jobs())`; see the async
    /// [`remove_schedule`](super::Scheduler::remove_schedule).
    ///
    /// # Errors
    /// As there.
    pub fn remove_schedule(
        &self,
        id: impl AsRef<str>,
        configure: impl FnOnce(RemoveSchedule) -> RemoveSchedule,
    ) -> Result<()> {
        self.wait(configure(self.scheduler.remove_schedule(id)))
    }

    // ----- tasks and events -----

    /// The declared tasks, by id.
    ///
    /// # Errors
    /// As the async [`tasks`](super::Scheduler::tasks).
    pub fn tasks(&self) -> Result<Vec<TaskDefinition>> {
        self.wait(self.scheduler.tasks())
    }

    /// Declares a task; see the async [`configure_task`](super::Scheduler::configure_task).
    ///
    /// # Errors
    /// As there.
    pub fn configure_task(
        &self,
        task: impl TaskRef,
        configure: impl FnOnce(ConfigureTask) -> ConfigureTask,
    ) -> Result<TaskDefinition> {
        self.wait(configure(self.scheduler.configure_task(task)))
    }

    /// Calls `callback` for each event of one type, on a thread of the scheduler, until the subscription is dropped.
    pub fn subscribe<E: EventType>(
        &self,
        callback: impl FnMut(&E) + Send + 'static,
    ) -> super::EventSubscription {
        let _runtime = self.runtime.enter();
        self.scheduler.subscribe_blocking(callback)
    }

    /// Waits for the next event of one type.
    ///
    /// # Errors
    /// As the async [`next_event`](super::Scheduler::next_event).
    pub fn next_event<E: EventType>(&self) -> Result<E> {
        self.wait(self.scheduler.next_event())
    }
}

/// A job that was added; its calls wait. See the async [`JobHandle`](super::JobHandle).
#[derive(Clone, Debug)]
pub struct JobHandle<R> {
    job: super::JobHandle<R>,
    runtime: Arc<Runtime>,
}

impl<R> JobHandle<R> {
    /// The job's id.
    #[must_use]
    pub const fn id(&self) -> JobId {
        self.job.id()
    }

    /// What is known of the job now.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn status(&self) -> Result<JobStatus> {
        self.runtime.block_on(self.job.status())
    }

    /// What the handler last reported. `None`: nothing, or the job does not run.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn progress(&self) -> Result<Option<Progress>> {
        self.runtime.block_on(self.job.progress())
    }

    /// Asks for the job's end: a queued one ends at once, a running one is told.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn cancel(&self) -> Result<()> {
        self.runtime.block_on(self.job.cancel())
    }
}

impl<R: TaskValue> JobHandle<R> {
    /// Waits for the job's end, at most for `timeout` (`None`: for ever), and gives what its handler returned.
    ///
    /// # Errors
    /// As the async [`JobHandle::result`](super::JobHandle::result).
    pub fn result(&self, timeout: impl Into<Option<Duration>>) -> Result<R> {
        let result = self.job.result();
        let result = match timeout.into() {
            Some(timeout) => result.timeout(timeout),
            None => result,
        };
        self.runtime.block_on(result.into_future())
    }
}
