//! Adding jobs: one, many, or one whose result is awaited.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};

use super::Scheduler;
use super::error::Result;
use super::job_handle::JobHandle;
use super::pending::{AtOnce, Pending};
use super::request::{RunRequest, run_request_setters, sent_by_await};
use super::shared::KnownTask;
use crate::id::{IdError, JobId, TaskId};
use crate::instant;
use crate::job::{Job, JobSettings};
use crate::payload::{Payload, TaskValue};
use crate::store::StoreTransaction;
use crate::task::{RunSettings, TaskRef};

/// How long [`Scheduler::run_job`] keeps a result, so that it can be read again should the caller's wait be cut short.
const RUN_JOB_KEEPS: Duration = Duration::from_secs(15 * 60);

impl Scheduler {
    /// Adds a job; `.await` sends it and gives its handle.
    ///
    /// ```
    /// use std::time::Duration;
    /// use apsched_core::{Task, scheduler::{Scheduler, Tasks}};
    ///
    /// const DOUBLE: Task<u32, u32> = Task::new("double");
    ///
    /// # #[tokio::main]
    /// # async fn main() -> apsched_core::scheduler::Result<()> {
    /// let tasks = Tasks::<()>::new().task(DOUBLE, async |number: u32| number * 2);
    /// let scheduler = Scheduler::builder().tasks(tasks).start_in_background().await?;
    /// let job = scheduler.add_job(DOUBLE, 21).priority(5).keep_result(Duration::from_secs(60)).await?;
    /// assert_eq!(job.result().await?, 42);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TaskNotFound`](super::Error::TaskNotFound) when neither this scheduler nor its store knows the task, unless the
    /// scheduler has no tasks at all (a client): then the job waits for a worker that knows it.
    /// [`Payload`](super::Error::Payload) when the payload cannot be written; [`Store`](super::Error::Store).
    ///
    /// # Cancel safety
    /// Dropping the future adds the job or does not.
    pub fn add_job<T: TaskRef>(&self, task: T, payload: T::Payload) -> AddJob<T::Payload, T::Output>
    where
        T::Payload: TaskValue,
        T::Output: TaskValue,
    {
        AddJob { request: JobRequest::new(self, &task, payload, Duration::ZERO), output: PhantomData }
    }

    /// Adds one job for each payload, in one batch; `.await` sends them and gives their ids, in order.
    ///
    /// # Errors
    /// As [`add_job`](Self::add_job); then none is added.
    ///
    /// # Cancel safety
    /// Dropping the future adds all jobs or none.
    pub fn add_jobs<T: TaskRef>(
        &self,
        task: T,
        payloads: impl IntoIterator<Item = T::Payload>,
    ) -> AddJobs<T::Payload>
    where
        T::Payload: TaskValue,
    {
        let payloads = payloads.into_iter().collect();
        AddJobs { request: JobRequest::new(self, &task, payloads, Duration::ZERO) }
    }

    /// Adds a job and waits for what it returns.
    ///
    /// # Errors
    /// As [`add_job`](Self::add_job) and [`JobHandle::result`].
    ///
    /// # Cancel safety
    /// Dropping the future stops the wait, not the job.
    pub fn run_job<T: TaskRef>(&self, task: T, payload: T::Payload) -> RunJob<T::Payload, T::Output>
    where
        T::Payload: TaskValue,
        T::Output: TaskValue,
    {
        RunJob { request: JobRequest::new(self, &task, payload, RUN_JOB_KEEPS), output: PhantomData }
    }
}

/// What a job is to be, with `P` to make it of.
#[derive(Debug)]
struct JobRequest<P> {
    scheduler: Scheduler,
    task_id: Result<TaskId, IdError>,
    payload: P,
    run: RunRequest,
    run_at: RunAt,
    start_deadline: Option<DateTime<Utc>>,
    keep: Duration,
}

#[derive(Clone, Copy, Debug)]
enum RunAt {
    Now,
    In(Duration),
    At(DateTime<Utc>),
}

impl<P> JobRequest<P> {
    fn new(scheduler: &Scheduler, task: &impl TaskRef, payload: P, keep: Duration) -> Self {
        Self {
            scheduler: scheduler.clone(),
            task_id: task.task().id(),
            payload,
            run: RunRequest::default(),
            run_at: RunAt::Now,
            start_deadline: None,
            keep,
        }
    }

    /// Makes jobs of the payloads that `split` finds, and adds them within the transaction.
    async fn within<V: TaskValue, T: StoreTransaction + ?Sized>(
        self,
        split: impl FnOnce(P) -> Vec<V>,
        transaction: &mut T,
    ) -> Result<Pending<Vec<JobId>>> {
        let task_id = self.task_id?;
        let run = self.run.finish()?;
        let shared = self.scheduler.shared();
        shared.connect().await?;
        let task = shared.task_to_add_for(&task_id).await?;
        let settings = job_settings(run, self.keep, &task);
        shared.check_executor(&task_id, &settings.job_executor)?;
        let now = shared.now();
        let run_at = match self.run_at {
            RunAt::Now => now,
            RunAt::In(delay) => instant::after(now, delay),
            RunAt::At(at) => at,
        };
        let form = shared.store.payload_form();
        let payloads = split(self.payload);
        let mut jobs = Vec::with_capacity(payloads.len());
        for payload in payloads {
            let payload = Payload::new(payload, form, &shared.serializers)?;
            jobs.push(Job {
                run_at,
                start_deadline: self.start_deadline,
                ..Job::new(shared.new_job_id(now), task_id.clone(), payload, settings.clone(), now)
            });
        }
        let ids = jobs.iter().map(|job| job.id).collect();
        let events = transaction.add_jobs(jobs, shared.broker.interest()).await?;
        Ok(Pending::new(self.scheduler, ids, events))
    }
}

fn job_settings(run: RunSettings, keep: Duration, task: &KnownTask) -> Arc<JobSettings> {
    if keep.is_zero() && run == RunSettings::default() {
        return task.plain_job.clone();
    }
    Arc::new(JobSettings::of_direct(run, keep, &task.definition))
}

macro_rules! job_request {
    ($(#[$doc:meta])* $name:ident<$($generic:ident),*> of $payload:ty $(, $output:ident)?) => {
        $(#[$doc])*
        #[must_use = "the request is sent by `.await`"]
        pub struct $name<$($generic),*> {
            request: JobRequest<$payload>,
            $( output: PhantomData<fn() -> $output>, )?
        }

        impl<$($generic),*> fmt::Debug for $name<$($generic),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("task", &self.request.task_id).finish_non_exhaustive()
            }
        }

        impl<$($generic),*> $name<$($generic),*> {
            run_request_setters!(request.run);

            /// Earliest start, counted from now. Default zero: as soon as a worker is free.
            pub fn delay(mut self, delay: Duration) -> Self {
                self.request.run_at = RunAt::In(delay);
                self
            }

            /// Earliest start. An instant in the past counts as due since then, and so goes first.
            pub fn run_at<Z: TimeZone>(mut self, at: DateTime<Z>) -> Self {
                self.request.run_at = RunAt::At(instant::to_micros(at.to_utc()));
                self
            }

            /// Latest start; a job that would start later ends as
            /// [`JobOutcome::MissedStartDeadline`](crate::JobOutcome::MissedStartDeadline). Default: none.
            pub fn start_deadline<Z: TimeZone>(mut self, at: DateTime<Z>) -> Self {
                self.request.start_deadline = Some(instant::to_micros(at.to_utc()));
                self
            }

            /// How long the result is kept after the job's end. Zero: not kept.
            ///
            /// Default zero; 15 minutes for [`Scheduler::run_job`].
            pub fn keep_result(mut self, duration: Duration) -> Self {
                self.request.keep = duration;
                self
            }
        }
    };
}

job_request! {
    /// A job to be added; see [`Scheduler::add_job`].
    AddJob<P, R> of P, R
}

job_request! {
    /// Jobs to be added; see [`Scheduler::add_jobs`].
    AddJobs<P> of Vec<P>
}

job_request! {
    /// A job to be added and awaited; see [`Scheduler::run_job`].
    RunJob<P, R> of P, R
}

impl<P: TaskValue, R: TaskValue> AddJob<P, R> {
    /// Adds the job within a transaction of one's own: it is there when that is committed, or never.
    ///
    /// A scheduler makes its store ready at its first call, and a scheduler without the task's handler looks the task up;
    /// both take connections of their own. So have it started, or used, before the transaction begins, where the database
    /// lets only one write at a time.
    ///
    /// ```
    /// use apsched_core::{MemoryStore, Task, scheduler::{Scheduler, Tasks}};
    /// use apsched_testkit::MemoryTransaction; // stands for that of a database
    ///
    /// const SHIP: Task<u32> = Task::new("ship");
    ///
    /// # #[tokio::main]
    /// # async fn main() -> apsched_core::scheduler::Result<()> {
    /// let store = MemoryStore::new();
    /// let tasks = Tasks::<()>::new().task(SHIP, async |_order: u32| ());
    /// let scheduler = Scheduler::builder().data_store(store.clone()).tasks(tasks).build()?;
    ///
    /// let mut transaction = MemoryTransaction::begin(&store);
    /// let pending = scheduler.add_job(SHIP, 4711).within(&mut transaction).await?;
    /// // … the order is written in the same transaction, with the job's id in it …
    /// let id = pending.value().id();
    /// assert!(scheduler.jobs().await?.is_empty());
    /// transaction.commit().await?;
    ///
    /// let job = pending.committed(); // now workers hear of it
    /// assert_eq!((job.id(), scheduler.jobs().await?.len()), (id, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Scheduler::add_job`]. Then nothing of it is committed; whether the transaction can still be is said at
    /// [`StoreTransaction`].
    ///
    /// # Cancel safety
    /// After the future was dropped the transaction is to be rolled back: it has the job or not.
    pub async fn within<T: StoreTransaction + ?Sized>(
        self,
        transaction: &mut T,
    ) -> Result<Pending<JobHandle<R>>> {
        let (scheduler, keep) = (self.request.scheduler.clone(), self.request.keep);
        let pending = self.request.within(|payload| vec![payload], transaction).await?;
        Ok(pending.map(|ids| JobHandle::new(scheduler, ids[0], keep)))
    }

    async fn send(self) -> Result<JobHandle<R>> {
        let scheduler = self.request.scheduler.clone();
        Ok(self.within(&mut AtOnce(scheduler.shared())).await?.committed())
    }
}

impl<P: TaskValue> AddJobs<P> {
    /// Adds the jobs within a transaction of one's own; see [`AddJob::within`].
    ///
    /// # Errors
    /// As there; then none is added.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn within<T: StoreTransaction + ?Sized>(
        self,
        transaction: &mut T,
    ) -> Result<Pending<Vec<JobId>>> {
        self.request.within(|payloads| payloads, transaction).await
    }

    async fn send(self) -> Result<Vec<JobId>> {
        let scheduler = self.request.scheduler.clone();
        Ok(self.within(&mut AtOnce(scheduler.shared())).await?.committed())
    }
}

impl<P: TaskValue, R: TaskValue> RunJob<P, R> {
    async fn send(mut self) -> Result<R> {
        // A result that is not kept could not be awaited.
        self.request.keep = self.request.keep.max(Duration::from_secs(1));
        let shared = self.request.scheduler.shared();
        shared.results.expect(&*shared.broker);
        AddJob::<P, R> { request: self.request, output: PhantomData }.send().await?.result().await
    }
}

sent_by_await!(AddJob<P: TaskValue, R: TaskValue> => JobHandle<R>);
sent_by_await!(AddJobs<P: TaskValue> => Vec<JobId>);
sent_by_await!(RunJob<P: TaskValue, R: TaskValue> => R);
