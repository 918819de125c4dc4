//! A store some of whose calls go wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apsched_core::event::{Event, EventInterest};
use apsched_core::schedule::{ConflictPolicy, Schedule, ScheduleEdit};
use apsched_core::store::{
    AcquireJobs, AcquireSchedules, ClaimedSchedule, DataStore, ExtendLeases, HeldJob, JobFilter, LeaseReport,
    Recover, ReleaseJobs, ReleaseSchedules, Released, RemoveJobs, ScheduleFilter, StoreError, StoreResult,
    WakeupQuery, Wakeups,
};
use apsched_core::task::TaskDefinition;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{
    Job, JobId, JobResult, JobStatus, PayloadForm, Progress, ScheduleId, SchedulerId, TaskId,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Call, Fault, FaultPlan, Operation};

/// A store whose calls go wrong as a plan says; the store inside is never harmed.
///
/// Clones share the store, the plan and the count of calls.
///
/// ```
/// use std::sync::Arc;
/// use apsched_core::{DataStore, MemoryStore, event::EventInterest};
/// use apsched_testkit::fault::{Fault, Faulty, Operation, Script};
/// use apsched_testkit::sample;
///
/// # apsched_testkit::conformance::block_on(async {
/// let script = Script::new().on(Operation::AddJobs, [Fault::FailAfter]);
/// let store = Faulty::new(Arc::new(MemoryStore::new()), script);
/// let job = sample::job().build();
///
/// // The answer to the first call is lost, so it is repeated; the job is there once.
/// let first = store.add_jobs(vec![job.clone()], EventInterest::ALL).await;
/// assert!(first.is_err_and(|error| error.is_transient()));
/// assert!(store.add_jobs(vec![job], EventInterest::ALL).await.is_ok_and(|events| events.is_empty()));
/// assert_eq!(store.calls_of(Operation::AddJobs), 2);
/// # });
/// ```
pub struct Faulty<S: DataStore + ?Sized> {
    inner: Arc<S>,
    state: Arc<Mutex<State>>,
}

struct State {
    plan: Box<dyn FaultPlan>,
    calls: BTreeMap<Operation, u64>,
}

/// The reason that a caller is told.
#[derive(Debug, thiserror::Error)]
#[error("a fault that was planned")]
struct Planned;

impl<S: DataStore + ?Sized> Faulty<S> {
    /// The store with a plan.
    #[must_use]
    pub fn new(inner: Arc<S>, plan: impl FaultPlan) -> Self {
        let state = State { plan: Box::new(plan), calls: BTreeMap::new() };
        Self { inner, state: Arc::new(Mutex::new(state)) }
    }

    /// Puts another plan in the place of the old one, for calls that begin from now on.
    pub fn set_plan(&self, plan: impl FaultPlan) {
        self.state().plan = Box::new(plan);
    }

    /// The store inside, which never goes wrong.
    #[must_use]
    pub const fn inner(&self) -> &Arc<S> {
        &self.inner
    }

    /// How many calls there were, those that went wrong included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls.values().sum()
    }

    /// How many calls of one operation there were, those that went wrong included.
    #[must_use]
    pub fn calls_of(&self, operation: Operation) -> u64 {
        self.state().calls.get(&operation).copied().unwrap_or(0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_fault(&self, operation: Operation) -> Fault {
        let state = &mut *self.state();
        let number = state.calls.values().sum();
        *state.calls.entry(operation).or_default() += 1;
        state.plan.fault(Call { operation, number })
    }

    /// Makes the call, or what the plan makes of it.
    async fn perform<T, F>(&self, operation: Operation, call: impl Fn() -> F + Send) -> StoreResult<T>
    where
        T: Send,
        F: Future<Output = StoreResult<T>> + Send,
    {
        let unavailable =
            || StoreError::Unavailable { operation: operation.as_str(), source: Arc::new(Planned) };
        match self.next_fault(operation) {
            Fault::None => call().await,
            Fault::FailBefore => Err(unavailable()),
            Fault::FailAfter => {
                drop(call().await?);
                Err(unavailable())
            }
            Fault::HangBefore => std::future::pending().await,
            Fault::HangAfter => {
                drop(call().await);
                std::future::pending().await
            }
            Fault::Delay(times) => {
                for _ in 0..times {
                    tokio::task::yield_now().await;
                }
                call().await
            }
            Fault::Repeat => {
                drop(call().await?);
                call().await
            }
        }
    }
}

impl<S: DataStore + ?Sized> Clone for Faulty<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), state: self.state.clone() }
    }
}

impl<S: DataStore + ?Sized> fmt::Debug for Faulty<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty")
            .field("inner", &self.inner)
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<S: DataStore + ?Sized> DataStore for Faulty<S> {
    async fn start(&self, registry: &TriggerRegistry) -> StoreResult<()> {
        self.perform(Operation::Start, || self.inner.start(registry)).await
    }

    fn payload_form(&self) -> PayloadForm {
        self.inner.payload_form()
    }

    async fn server_time(&self) -> StoreResult<Option<DateTime<Utc>>> {
        self.perform(Operation::ServerTime, || self.inner.server_time()).await
    }

    async fn put_tasks(&self, tasks: Vec<TaskDefinition>) -> StoreResult<Vec<Event>> {
        self.perform(Operation::PutTasks, || self.inner.put_tasks(tasks.clone())).await
    }

    async fn remove_task(&self, id: &TaskId) -> StoreResult<Vec<Event>> {
        self.perform(Operation::RemoveTask, || self.inner.remove_task(id)).await
    }

    async fn tasks(&self) -> StoreResult<Vec<TaskDefinition>> {
        self.perform(Operation::Tasks, || self.inner.tasks()).await
    }

    async fn task(&self, id: &TaskId) -> StoreResult<Option<TaskDefinition>> {
        self.perform(Operation::Task, || self.inner.task(id)).await
    }

    async fn add_schedule(&self, schedule: Schedule, policy: ConflictPolicy) -> StoreResult<Vec<Event>> {
        self.perform(Operation::AddSchedule, || self.inner.add_schedule(schedule.clone(), policy)).await
    }

    async fn edit_schedule(
        &self,
        id: &ScheduleId,
        edit: ScheduleEdit,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        self.perform(Operation::EditSchedule, || self.inner.edit_schedule(id, edit.clone(), now)).await
    }

    async fn remove_schedule(
        &self,
        id: &ScheduleId,
        jobs: RemoveJobs,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        self.perform(Operation::RemoveSchedule, || self.inner.remove_schedule(id, jobs, now)).await
    }

    async fn schedule(&self, id: &ScheduleId) -> StoreResult<Option<Schedule>> {
        self.perform(Operation::Schedule, || self.inner.schedule(id)).await
    }

    async fn schedules(&self, filter: &ScheduleFilter) -> StoreResult<Vec<Schedule>> {
        self.perform(Operation::Schedules, || self.inner.schedules(filter)).await
    }

    async fn acquire_schedules(
        &self,
        request: AcquireSchedules,
    ) -> StoreResult<(Vec<ClaimedSchedule>, Vec<Event>)> {
        self.perform(Operation::AcquireSchedules, || self.inner.acquire_schedules(request.clone())).await
    }

    async fn release_schedules(&self, request: ReleaseSchedules) -> StoreResult<Released<ScheduleId>> {
        self.perform(Operation::ReleaseSchedules, || self.inner.release_schedules(request.clone())).await
    }

    async fn add_jobs(&self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>> {
        self.perform(Operation::AddJobs, || self.inner.add_jobs(jobs.clone(), interest)).await
    }

    async fn cancel_job(&self, id: JobId, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        self.perform(Operation::CancelJob, || self.inner.cancel_job(id, now)).await
    }

    async fn job_status(&self, id: JobId) -> StoreResult<JobStatus> {
        self.perform(Operation::JobStatus, || self.inner.job_status(id)).await
    }

    async fn jobs(&self, filter: &JobFilter) -> StoreResult<Vec<Job>> {
        self.perform(Operation::Jobs, || self.inner.jobs(filter)).await
    }

    async fn job_result(&self, id: JobId) -> StoreResult<Option<JobResult>> {
        self.perform(Operation::JobResult, || self.inner.job_result(id)).await
    }

    async fn acquire_jobs(&self, request: AcquireJobs) -> StoreResult<(Vec<Job>, Vec<Event>)> {
        self.perform(Operation::AcquireJobs, || self.inner.acquire_jobs(request.clone())).await
    }

    async fn extend_leases(&self, request: ExtendLeases) -> StoreResult<LeaseReport> {
        self.perform(Operation::ExtendLeases, || self.inner.extend_leases(request.clone())).await
    }

    async fn release_jobs(&self, request: ReleaseJobs) -> StoreResult<Released<JobId>> {
        self.perform(Operation::ReleaseJobs, || self.inner.release_jobs(request.clone())).await
    }

    async fn recover(&self, request: Recover) -> StoreResult<Vec<Event>> {
        self.perform(Operation::Recover, || self.inner.recover(request.clone())).await
    }

    async fn cancel_requests(&self, scheduler_id: &SchedulerId) -> StoreResult<Vec<JobId>> {
        self.perform(Operation::CancelRequests, || self.inner.cancel_requests(scheduler_id)).await
    }

    async fn set_progress(
        &self,
        job: HeldJob,
        holder: &SchedulerId,
        progress: Progress,
    ) -> StoreResult<Vec<Event>> {
        self.perform(Operation::SetProgress, || self.inner.set_progress(job, holder, progress.clone())).await
    }

    async fn next_wakeup(&self, query: WakeupQuery) -> StoreResult<Wakeups> {
        self.perform(Operation::NextWakeup, || self.inner.next_wakeup(query.clone())).await
    }

    async fn cleanup(&self, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        self.perform(Operation::Cleanup, || self.inner.cleanup(now)).await
    }
}

#[cfg(test)]
mod tests {
    use apsched_core::MemoryStore;
    use futures_util::FutureExt;

    use super::*;
    use crate::sample;

    fn faulty(fault: Fault) -> Faulty<MemoryStore> {
        Faulty::new(Arc::new(MemoryStore::new()), move |_| fault)
    }

    /// Adds a job; gives whether the call was answered well, and how many jobs the store inside has.
    fn add_job(store: &Faulty<MemoryStore>) -> (Option<bool>, usize) {
        let add = store.add_jobs(vec![sample::job().build()], EventInterest::ALL);
        let answer = add.now_or_never().map(|answer| answer.is_ok());
        let jobs = store
            .inner()
            .jobs(&JobFilter::default())
            .now_or_never()
            .expect("a store in memory answers at once");
        (answer, jobs.unwrap().len())
    }

    #[test]
    fn each_fault_does_what_it_says() {
        for (fault, expected) in [
            (Fault::None, (Some(true), 1)),
            (Fault::FailBefore, (Some(false), 0)),
            (Fault::FailAfter, (Some(false), 1)),
            (Fault::HangBefore, (None, 0)),
            (Fault::HangAfter, (None, 1)),
            (Fault::Repeat, (Some(true), 1)),
        ] {
            assert_eq!(add_job(&faulty(fault)), expected, "{fault:?}");
        }
    }

    #[test]
    fn another_plan_ends_an_outage() {
        let store = faulty(Fault::FailBefore);
        assert_eq!(add_job(&store), (Some(false), 0));

        store.set_plan(|_| Fault::None);

        assert_eq!(add_job(&store), (Some(true), 1));
        assert_eq!((store.calls(), store.calls_of(Operation::AddJobs)), (2, 2));
    }

    #[test]
    fn a_store_behind_a_trait_object_can_be_wrapped() {
        let inner: Arc<dyn DataStore> = Arc::new(MemoryStore::new());
        let store = Faulty::new(inner, |call: Call| match call.number {
            0 => Fault::FailBefore,
            _ => Fault::None,
        });

        let ask = || store.server_time().now_or_never().expect("answers at once").is_ok();
        assert_eq!([ask(), ask()], [false, true]);
    }
}
