//! One job from the outside: its status, its result, its end.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use super::Scheduler;
use super::clock::Clock;
use super::error::{Error, Result};
use crate::id::JobId;
use crate::instant;
use crate::job::{JobOutcome, JobResult, JobStatus, Progress};
use crate::payload::TaskValue;

/// A job that was added; `R` is what its task returns.
///
/// ```
/// use std::time::Duration;
/// use apsched_core::{JobOutcome, Task, scheduler::{Error, Scheduler, Tasks}};
///
/// const DIVIDE: Task<(i32, i32), i32> = Task::new("divide");
///
/// # #[tokio::main]
/// # async fn main() -> apsched_core::scheduler::Result<()> {
/// let tasks = Tasks::<()>::new().task(DIVIDE, async |(a, b): (i32, i32)| a / b);
/// let scheduler = Scheduler::builder().tasks(tasks).start_in_background().await?;
///
/// let job = scheduler.add_job(DIVIDE, (6, 0)).keep_result(Duration::from_secs(60)).await?;
/// let error = job.result().timeout(Duration::from_secs(10)).await.unwrap_err();
/// assert!(matches!(error, Error::JobFailed { outcome: JobOutcome::Error, .. }));
/// assert!(error.to_string().contains("attempt to divide by zero"), "{error}");
/// # Ok(())
/// # }
/// ```
pub struct JobHandle<R> {
    scheduler: Scheduler,
    id: JobId,
    keep: Duration,
    output: PhantomData<fn() -> R>,
}

impl<R> JobHandle<R> {
    pub(super) const fn new(scheduler: Scheduler, id: JobId, keep: Duration) -> Self {
        Self { scheduler, id, keep, output: PhantomData }
    }

    /// The job's id.
    #[must_use]
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// What is known of the job now.
    ///
    /// # Errors
    /// [`Error::Store`].
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn status(&self) -> Result<JobStatus> {
        self.scheduler.shared().connect().await?;
        let shared = self.scheduler.shared();
        Ok(shared.ask(shared.store.job_status(self.id)).await?)
    }

    /// What the handler last reported. `None`: nothing, or the job does not run.
    ///
    /// # Errors
    /// [`Error::Store`].
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn progress(&self) -> Result<Option<Progress>> {
        Ok(match self.status().await? {
            JobStatus::Active(job) => job.progress,
            JobStatus::Finished(_) | JobStatus::Unknown => None,
        })
    }

    /// Asks for the job's end: a queued one ends at once, a running one is told. Ended jobs are left alone.
    ///
    /// # Errors
    /// [`Error::Store`].
    ///
    /// # Cancel safety
    /// Dropping the future asks or does not.
    pub async fn cancel(&self) -> Result<()> {
        self.scheduler.cancel_job(self.id).await
    }
}

impl<R: TaskValue> JobHandle<R> {
    /// Waits for the job's end and gives what its handler returned; can be asked many times while the result is kept.
    ///
    /// Does not depend on events: without one, the store is asked every poll interval.
    ///
    /// # Errors
    /// [`Error::JobFailed`] when the job ended without a value, [`Error::ResultNotKept`] when none is kept,
    /// [`Error::Payload`] when it is not an `R`, [`Error::WaitTimedOut`] when the job had not ended in time,
    /// [`Error::Store`] when the store failed.
    ///
    /// # Cancel safety
    /// Dropping the future stops the wait, not the job.
    pub fn result(&self) -> JobResultFuture<R> {
        let wait =
            ResultWait { scheduler: self.scheduler.clone(), job: self.id, keep: self.keep, timeout: None };
        JobResultFuture { wait, output: PhantomData }
    }
}

impl<R> Clone for JobHandle<R> {
    fn clone(&self) -> Self {
        Self::new(self.scheduler.clone(), self.id, self.keep)
    }
}

impl<R> fmt::Debug for JobHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobHandle({})", self.id)
    }
}

/// A wait for a job's result; `.await` starts it.
#[must_use = "the wait starts with `.await`"]
#[derive(Debug)]
pub struct JobResultFuture<R> {
    wait: ResultWait,
    output: PhantomData<fn() -> R>,
}

#[derive(Debug)]
struct ResultWait {
    scheduler: Scheduler,
    job: JobId,
    keep: Duration,
    timeout: Option<Duration>,
}

impl<R> JobResultFuture<R> {
    /// Longest wait. Default: for ever. Zero: looks once.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.wait.timeout = Some(timeout);
        self
    }
}

impl<R: TaskValue> IntoFuture for JobResultFuture<R> {
    type Output = Result<R>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<R>> + Send>>;

    /// Waits; see [`JobHandle::result`].
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let scheduler = self.wait.scheduler.clone();
            let result = self.wait.run().await?;
            match (result.outcome, result.value) {
                (JobOutcome::Success, Some(value)) => Ok(value.into_value(scheduler.serializers())?),
                (outcome, _) => Err(Error::JobFailed {
                    job_id: result.job_id,
                    task_id: result.task_id,
                    outcome,
                    error: result.error,
                }),
            }
        })
    }
}

impl ResultWait {
    async fn run(self) -> Result<JobResult> {
        let not_kept = Error::ResultNotKept { job_id: self.job };
        if self.keep.is_zero() {
            return Err(not_kept);
        }
        let shared = self.scheduler.shared();
        shared.connect().await?;
        let give_up_at = self.timeout.map(|timeout| instant::after(shared.now(), timeout));
        let waiting = shared.results.wait_for(self.job, &*shared.broker);
        loop {
            let ended = waiting.ended();
            match shared.ask(shared.store.job_status(self.job)).await? {
                JobStatus::Finished(result) => return Ok(*result),
                JobStatus::Unknown => return Err(not_kept),
                JobStatus::Active(_) => {}
            }
            let now = shared.now();
            if let (Some(at), Some(timeout)) = (give_up_at, self.timeout)
                && at <= now
            {
                return Err(Error::WaitTimedOut { job_id: self.job, timeout });
            }
            let look_again_at = instant::after(now, shared.engine_config.poll_interval);
            let look_again_at = give_up_at.map_or(look_again_at, |at| at.min(look_again_at));
            tokio::select! {
                () = ended => {}
                () = shared.clock.sleep_until(look_again_at) => {}
            }
        }
    }
}

impl Scheduler {
    /// The handle of a job that was added elsewhere or before, for a task that returns `R`.
    ///
    /// There need not be such a job; [`JobHandle::status`] tells.
    #[must_use]
    pub fn job<R: TaskValue>(&self, id: JobId) -> JobHandle<R> {
        JobHandle::new(self.clone(), id, Duration::MAX)
    }

    /// Asks for a job's end: a queued one ends at once, a running one is told. Others are left alone.
    ///
    /// # Errors
    /// [`Error::Store`].
    ///
    /// # Cancel safety
    /// Dropping the future asks or does not.
    pub async fn cancel_job(&self, id: JobId) -> Result<()> {
        let shared = self.shared();
        shared.connect().await?;
        let events = shared.ask(shared.store.cancel_job(id, shared.now())).await?;
        shared.publish(events);
        Ok(())
    }
}
