//! What a running job knows: itself, the time, whether it is to stop, and its scheduler.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use tokio::runtime::Handle;

use super::Scheduler;
use super::stop_signal::StopSignal;
use crate::engine::StopReason;
use crate::id::{JobId, ScheduleId, TaskId};
use crate::job::{Job, Progress};
use crate::metadata::Metadata;
use crate::serializer::Serializers;
use crate::store::{HeldJob, StoreError};

/// The job that a handler runs for; an extractor, and what [`current_job`] gives.
#[derive(Clone)]
pub struct JobContext(Arc<Context>);

struct Context {
    job: Job,
    scheduler: Scheduler,
    stop: StopSignal,
    /// Where it runs; every job that a scheduler starts has one.
    runtime: Option<Handle>,
}

impl JobContext {
    /// The context of a job that is to run on the current runtime.
    pub(crate) fn new(job: Job, scheduler: Scheduler) -> Self {
        Self(Arc::new(Context {
            job,
            scheduler,
            stop: StopSignal::default(),
            runtime: Handle::try_current().ok(),
        }))
    }

    /// The job, as it was when it was acquired.
    #[must_use]
    pub fn job(&self) -> &Job {
        &self.0.job
    }

    /// The job's id.
    #[must_use]
    pub fn job_id(&self) -> JobId {
        self.0.job.id
    }

    /// Its task.
    #[must_use]
    pub fn task_id(&self) -> &TaskId {
        &self.0.job.task_id
    }

    /// The schedule that made the job. `None`: a direct job.
    #[must_use]
    pub fn schedule_id(&self) -> Option<&ScheduleId> {
        self.0.job.schedule_id.as_ref()
    }

    /// What was attached to the job, its schedule and its task, the more explicit level first.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.0.job.settings.metadata
    }

    /// Number of this attempt, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.job.attempt
    }

    /// The fire time the job stands for, without jitter. `None`: a direct job, or a schedule run by hand.
    #[must_use]
    pub fn fire_time(&self) -> Option<DateTime<Utc>> {
        self.0.job.fire_time
    }

    /// When the job was due, jitter, delay or backoff included.
    #[must_use]
    pub fn run_at(&self) -> DateTime<Utc> {
        self.0.job.run_at
    }

    /// The scheduler's time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.0.scheduler.now()
    }

    /// The scheduler that runs the job; use it to add more jobs or schedules.
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        &self.0.scheduler
    }

    /// Whether the job is to stop, and why. `None`: go on.
    ///
    /// A blocking handler should ask now and then: a thread cannot be stopped from outside.
    #[must_use]
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.0.stop.reason()
    }

    /// Whether the job is to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.stop_reason().is_some()
    }

    /// Ends when the job is to stop; an async handler that has something to tidy up waits for it beside its work.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn cancelled(&self) -> StopReason {
        self.0.stop.raised().await
    }

    /// Tells how far the job is: `fraction` from 0 to 1, and a few words. Shown by the job's handle.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another scheduler runs the job by now; others when the store fails. A handler
    /// that only informs may ignore them.
    ///
    /// # Cancel safety
    /// Dropping the future writes the progress or does not.
    pub async fn progress(&self, fraction: f32, message: impl Into<String>) -> Result<(), StoreError> {
        let held = HeldJob::new(self.0.job.id, self.0.job.token);
        self.0.scheduler.set_progress(held, Progress::new(fraction, message)).await
    }

    /// Tells how far the job is, from a blocking handler; see [`progress`](Self::progress).
    ///
    /// # Errors
    /// As [`progress`](Self::progress).
    ///
    /// # Panics
    /// In an async handler: there, use [`progress`](Self::progress).
    pub fn progress_blocking(&self, fraction: f32, message: impl Into<String>) -> Result<(), StoreError> {
        let runtime = self.0.runtime.as_ref().expect("a scheduler starts its jobs on a runtime");
        runtime.block_on(self.progress(fraction, message))
    }

    pub(crate) fn stop_signal(&self) -> &StopSignal {
        &self.0.stop
    }

    pub(crate) fn serializers(&self) -> &Serializers {
        self.0.scheduler.serializers()
    }
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobContext").field("job_id", &self.job_id()).field("task_id", self.task_id()).finish()
    }
}

tokio::task_local! {
    static ASYNC_JOB: JobContext;
}

thread_local! {
    static BLOCKING_JOB: RefCell<Option<JobContext>> = const { RefCell::new(None) };
}

/// The job whose handler calls this, async or blocking. `None` outside a handler, and in tasks a handler spawns.
#[must_use]
pub fn current_job() -> Option<JobContext> {
    ASYNC_JOB.try_with(Clone::clone).ok().or_else(|| BLOCKING_JOB.with_borrow(Clone::clone))
}

/// The scheduler that runs the calling handler. `None` outside a handler.
#[must_use]
pub fn current_scheduler() -> Option<Scheduler> {
    current_job().map(|context| context.scheduler().clone())
}

/// Runs a future as the handler of this context.
pub(crate) async fn in_job<F: Future>(context: JobContext, future: F) -> F::Output {
    ASYNC_JOB.scope(context, future).await
}

/// Runs a function as the handler of this context, on the calling thread.
pub(crate) fn in_job_blocking<T>(context: JobContext, run: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            BLOCKING_JOB.set(None);
        }
    }
    BLOCKING_JOB.set(Some(context));
    let _leave = Leave;
    run()
}
