//! A store whose users wait out what passes: a call that fails because the store does not answer is tried again.
//!
//! Who waits for what is decided once, by who can make the call anew:
//!
//! - **Calls of users** are tried again here, after growing pauses. Whoever makes them has no loop of his own.
//! - **Calls of the scheduler's loop** (acquire, release, extend, recover, look, clean up) are handed through, failures
//!   included. The engine has its own pauses for them (`engine/operation.rs`), and each time it asks anew: by another
//!   `now`, for what is free by then. A request from before the outage would take leases that have expired already.
//!
//! A try that failed may have been done, and its answer lost. So a call is repeated only if that leaves what one call
//! would have left:
//!
//! | call | done twice |
//! |---|---|
//! | reads, `start`, `put_tasks`, `remove_task`, `cancel_job`, `set_progress` | changes nothing more |
//! | `add_jobs` | changes nothing while the job or its result is there; see [`Retrying`] for what is left |
//! | `add_schedule`, policy `Error` | finds its own schedule there: that is success, not a conflict |
//! | `add_schedule`, policy `Replace` | would start the schedule anew, which may have fired: its own is left alone |
//! | `add_schedule`, other policies | keeps what is there |
//! | `edit_schedule` | says what is to be, not by how much: the same again, one revision later |
//! | `remove_schedule` | finds nothing any more: that is success |
//!
//! What a lost try caused is told to nobody: events are hints, and schedulers find the rest when they next look.

mod tries;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use self::tries::Tries;
use super::{
    AcquireJobs, AcquireSchedules, ClaimedSchedule, DataStore, ExtendLeases, HeldJob, JobFilter, LeaseReport,
    Recover, ReleaseJobs, ReleaseSchedules, Released, RemoveJobs, ScheduleFilter, StoreError, StoreResult,
    WakeupQuery, Wakeups,
};
use crate::backoff::Backoff;
use crate::event::{Event, EventInterest};
use crate::id::{JobId, ScheduleId, SchedulerId, TaskId};
use crate::job::{Job, JobResult, JobStatus, Progress};
use crate::payload::PayloadForm;
use crate::schedule::{ConflictPolicy, Schedule, ScheduleEdit};
use crate::task::TaskDefinition;
use crate::trigger::TriggerRegistry;

/// Pauses between the tries of a call. The longest is what a user waits, at most, after the store is back.
const BACKOFF: Backoff =
    Backoff { initial: Duration::from_millis(200), factor: 2.0, max: Duration::from_secs(5), jitter: 0.2 };

/// A store whose users wait out an outage: a call that fails with [`StoreError::is_transient`] is tried again, for ever
/// unless told otherwise.
///
/// Adding, listing, pausing and the like then take longer while the database restarts, and fail only for reasons that do not
/// pass. A scheduler that is started while its database is not up yet waits for it. What a running scheduler does of itself
/// survives outages with and without this.
///
/// Waits go by the clock of the scheduler that asks, which tells of the outage by
/// [`StoreHealthChanged`](crate::event::StoreHealthChanged) and [`store_health`](crate::scheduler::Scheduler::store_health);
/// outside of a scheduler they go by the system's clock.
///
/// ```
/// use std::time::Duration;
/// use apsched_core::{Backoff, MemoryStore, scheduler::Scheduler, store::Retrying};
///
/// # #[tokio::main]
/// # async fn main() -> apsched_core::scheduler::Result<()> {
/// let store = MemoryStore::new(); // stands for that of a database
/// let store = Retrying::new(store)
///     .backoff(Backoff { max: Duration::from_secs(1), ..Backoff::default() })
///     .give_up_after(Duration::from_secs(300));
/// let scheduler = Scheduler::builder().data_store(store).build()?;
/// assert!(scheduler.schedules().await?.is_empty());
/// # Ok(())
/// # }
/// ```
///
/// # What one outage can do
/// A call whose answer was lost is repeated so that it was done once, with these exceptions, all of them needing that the
/// store did the call, failed before it had answered, and that the rest happened before the next try:
///
/// - **A job runs twice** if it was run to its end in between and its result is not kept: nothing is left by which it could be
///   known. Keep the results of jobs that must not run twice for longer than an outage
///   ([`keep_result`](crate::scheduler::AddJob::keep_result)); `run_job` does.
/// - **A schedule is added twice** if it finished and was cleaned up in between, or if somebody else removed it.
/// - **Somebody else's schedule** is removed or edited, if it was put under the same id in between, and by the policies
///   `Replace` and `Update` overwritten: of two users who write at once, the last one wins.
/// - **A schedule that was not there** counts as removed.
///
/// # Cancel safety
/// Dropping a call ends its tries: it was done or not.
pub struct Retrying<S: DataStore + ?Sized> {
    inner: Arc<S>,
    backoff: Backoff,
    give_up_after: Option<Duration>,
}

impl<S: DataStore> Retrying<S> {
    /// The store, with users that wait for ever.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self::from(Arc::new(store))
    }
}

impl<S: DataStore + ?Sized> From<Arc<S>> for Retrying<S> {
    /// A store that others have a handle on.
    fn from(inner: Arc<S>) -> Self {
        Self { inner, backoff: BACKOFF, give_up_after: None }
    }
}

impl<S: DataStore + ?Sized> Retrying<S> {
    /// Pauses between the tries of a call. Default: 200 ms, doubled up to 5 s, the last fifth of each by chance.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How long a call is tried again, counted from its first failure; then it fails as the last try did. Default: for
    /// ever. Zero: it is not tried again.
    #[must_use]
    pub const fn give_up_after(mut self, most: Duration) -> Self {
        self.give_up_after = Some(most);
        self
    }

    /// The store inside, whose calls fail at once.
    #[must_use]
    pub const fn inner(&self) -> &Arc<S> {
        &self.inner
    }

    const fn tries(&self) -> Tries {
        Tries::none(self.backoff, self.give_up_after)
    }

    /// Makes a call that leaves nothing more when it is done twice, until it is answered.
    async fn repeat<T, F>(&self, call: impl Fn() -> F + Send) -> StoreResult<T>
    where
        T: Send,
        F: Future<Output = StoreResult<T>> + Send,
    {
        self.repeat_within(&mut self.tries(), call).await
    }

    /// Goes on with the tries of an earlier call.
    async fn repeat_within<T, F>(&self, tries: &mut Tries, call: impl Fn() -> F + Send) -> StoreResult<T>
    where
        T: Send,
        F: Future<Output = StoreResult<T>> + Send,
    {
        loop {
            match call().await {
                Err(error) => tries.go_on_after(error).await?,
                answer => return answer,
            }
        }
    }

    /// Whether an earlier try has added the schedule.
    async fn has_added(&self, schedule: &Schedule, tries: &mut Tries) -> StoreResult<bool> {
        match self.repeat_within(tries, || self.inner.schedule(&schedule.id)).await {
            Ok(existing) => Ok(existing.is_some_and(|existing| existing.was_added_as(schedule))),
            Err(StoreError::Unreadable { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl<S: DataStore + ?Sized> Clone for Retrying<S> {
    /// Another handle on the same store.
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), ..*self }
    }
}

impl<S: DataStore + ?Sized> fmt::Debug for Retrying<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrying")
            .field("inner", &&*self.inner)
            .field("backoff", &self.backoff)
            .field("give_up_after", &self.give_up_after)
            .finish()
    }
}

#[async_trait]
impl<S: DataStore + ?Sized> DataStore for Retrying<S> {
    async fn start(&self, registry: &TriggerRegistry) -> StoreResult<()> {
        self.repeat(|| self.inner.start(registry)).await
    }

    fn payload_form(&self) -> PayloadForm {
        self.inner.payload_form()
    }

    async fn server_time(&self) -> StoreResult<Option<DateTime<Utc>>> {
        self.repeat(|| self.inner.server_time()).await
    }

    // ----- tasks -----

    async fn put_tasks(&self, tasks: Vec<TaskDefinition>) -> StoreResult<Vec<Event>> {
        self.repeat(|| self.inner.put_tasks(tasks.clone())).await
    }

    async fn remove_task(&self, id: &TaskId) -> StoreResult<Vec<Event>> {
        self.repeat(|| self.inner.remove_task(id)).await
    }

    async fn tasks(&self) -> StoreResult<Vec<TaskDefinition>> {
        self.repeat(|| self.inner.tasks()).await
    }

    async fn task(&self, id: &TaskId) -> StoreResult<Option<TaskDefinition>> {
        self.repeat(|| self.inner.task(id)).await
    }

    // ----- schedules, for users -----

    async fn add_schedule(&self, schedule: Schedule, policy: ConflictPolicy) -> StoreResult<Vec<Event>> {
        let mut tries = self.tries();
        loop {
            let error = match self.inner.add_schedule(schedule.clone(), policy).await {
                Err(error) => error,
                added => return added,
            };
            if matches!(error, StoreError::ScheduleExists { .. }) {
                let is_own = tries.may_have_done_it() && self.has_added(&schedule, &mut tries).await?;
                return if is_own { Ok(Vec::new()) } else { Err(error) };
            }
            tries.go_on_after(error).await?;
            if policy == ConflictPolicy::Replace && self.has_added(&schedule, &mut tries).await? {
                return Ok(Vec::new());
            }
        }
    }

    async fn edit_schedule(
        &self,
        id: &ScheduleId,
        edit: ScheduleEdit,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        self.repeat(|| self.inner.edit_schedule(id, edit.clone(), now)).await
    }

    async fn remove_schedule(
        &self,
        id: &ScheduleId,
        jobs: RemoveJobs,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        let mut tries = self.tries();
        match self.repeat_within(&mut tries, || self.inner.remove_schedule(id, jobs, now)).await {
            Err(StoreError::ScheduleNotFound { .. }) if tries.may_have_done_it() => Ok(Vec::new()),
            answer => answer,
        }
    }

    async fn schedule(&self, id: &ScheduleId) -> StoreResult<Option<Schedule>> {
        self.repeat(|| self.inner.schedule(id)).await
    }

    async fn schedules(&self, filter: &ScheduleFilter) -> StoreResult<Vec<Schedule>> {
        self.repeat(|| self.inner.schedules(filter)).await
    }

    // ----- jobs, for users -----

    async fn add_jobs(&self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>> {
        self.repeat(|| self.inner.add_jobs(jobs.clone(), interest)).await
    }

    async fn cancel_job(&self, id: JobId, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        self.repeat(|| self.inner.cancel_job(id, now)).await
    }

    async fn job_status(&self, id: JobId) -> StoreResult<JobStatus> {
        self.repeat(|| self.inner.job_status(id)).await
    }

    async fn jobs(&self, filter: &JobFilter) -> StoreResult<Vec<Job>> {
        self.repeat(|| self.inner.jobs(filter)).await
    }

    async fn job_result(&self, id: JobId) -> StoreResult<Option<JobResult>> {
        self.repeat(|| self.inner.job_result(id)).await
    }

    async fn set_progress(
        &self,
        job: HeldJob,
        holder: &SchedulerId,
        progress: Progress,
    ) -> StoreResult<Vec<Event>> {
        self.repeat(|| self.inner.set_progress(job, holder, progress.clone())).await
    }

    // ----- for schedulers, whose engine tries again by itself -----

    async fn acquire_schedules(
        &self,
        request: AcquireSchedules,
    ) -> StoreResult<(Vec<ClaimedSchedule>, Vec<Event>)> {
        self.inner.acquire_schedules(request).await
    }

    async fn release_schedules(&self, request: ReleaseSchedules) -> StoreResult<Released<ScheduleId>> {
        self.inner.release_schedules(request).await
    }

    async fn acquire_jobs(&self, request: AcquireJobs) -> StoreResult<(Vec<Job>, Vec<Event>)> {
        self.inner.acquire_jobs(request).await
    }

    async fn extend_leases(&self, request: ExtendLeases) -> StoreResult<LeaseReport> {
        self.inner.extend_leases(request).await
    }

    async fn release_jobs(&self, request: ReleaseJobs) -> StoreResult<Released<JobId>> {
        self.inner.release_jobs(request).await
    }

    async fn recover(&self, request: Recover) -> StoreResult<Vec<Event>> {
        self.inner.recover(request).await
    }

    async fn cancel_requests(&self, scheduler_id: &SchedulerId) -> StoreResult<Vec<JobId>> {
        self.inner.cancel_requests(scheduler_id).await
    }

    async fn next_wakeup(&self, query: WakeupQuery) -> StoreResult<Wakeups> {
        self.inner.next_wakeup(query).await
    }

    async fn cleanup(&self, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        self.inner.cleanup(now).await
    }
}
