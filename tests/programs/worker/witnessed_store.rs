//! The data store with a witness, who writes down the calls and what they mean for who holds what.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use apsched::chrono::{DateTime, Utc};
use apsched::event::{Event, EventInterest};
use apsched::id::{JobId, ScheduleId, SchedulerId, TaskId};
use apsched::job::{ErrorChain, Job, JobResult, JobStatus, Progress};
use apsched::payload::PayloadForm;
use apsched::schedule::{ConflictPolicy, Schedule, ScheduleEdit};
use apsched::serializer::Serializers;
use apsched::store::{
    AcquireJobs, AcquireSchedules, ClaimedSchedule, DataStore, ExtendLeases, HeldJob, JobFilter, LeaseReport,
    Recover, ReleaseJobs, ReleaseSchedules, Released, RemoveJobs, ScheduleFilter, StoreResult, WakeupQuery,
    Wakeups,
};
use apsched::task::TaskDefinition;
use apsched::trigger::TriggerRegistry;
use apsched_tests::{Entry, Ledger, Line, Load, Moment, Trap};
use async_trait::async_trait;

use crate::trap::ArmedTrap;

pub(crate) struct WitnessedStore {
    inner: Arc<dyn DataStore>,
    trap: ArmedTrap,
    ledger: Arc<Ledger>,
}

impl WitnessedStore {
    pub(crate) fn new(inner: Arc<dyn DataStore>, trap: Option<Trap>, ledger: Arc<Ledger>) -> Self {
        Self { inner, trap: ArmedTrap::new(trap), ledger }
    }

    async fn see<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = StoreResult<T>> + Send,
    ) -> StoreResult<T> {
        self.see_if(operation, |_| true, call).await
    }

    /// The same of a call whose answer may be nothing, at which no trap springs.
    async fn see_if<T>(
        &self,
        operation: &'static str,
        is_something: impl FnOnce(&T) -> bool,
        call: impl Future<Output = StoreResult<T>> + Send,
    ) -> StoreResult<T> {
        self.ledger.write(Entry::Call(operation.to_owned()));
        let passage = self.trap.before(operation, &self.ledger).await;
        let answer = call.await;
        if answer.as_ref().is_ok_and(is_something) {
            self.trap.after(operation, passage, &self.ledger).await;
        }
        let failure = answer.as_ref().err().map(|error| ErrorChain::of(error).to_string());
        self.ledger.write(Entry::Answer(operation.to_owned(), failure));
        answer
    }

    fn write(&self, at: Moment, entries: impl Iterator<Item = Entry>) {
        self.ledger.write_all(entries.map(|entry| Line(at, entry)));
    }
}

impl fmt::Debug for WitnessedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WitnessedStore").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[async_trait]
impl DataStore for WitnessedStore {
    async fn start(&self, registry: &TriggerRegistry) -> StoreResult<()> {
        self.see("start", self.inner.start(registry)).await
    }

    fn payload_form(&self) -> PayloadForm {
        self.inner.payload_form()
    }

    async fn server_time(&self) -> StoreResult<Option<DateTime<Utc>>> {
        self.see("server_time", self.inner.server_time()).await
    }

    // ----- for users -----

    async fn put_tasks(&self, tasks: Vec<TaskDefinition>) -> StoreResult<Vec<Event>> {
        self.see("put_tasks", self.inner.put_tasks(tasks)).await
    }

    async fn remove_task(&self, id: &TaskId) -> StoreResult<Vec<Event>> {
        self.see("remove_task", self.inner.remove_task(id)).await
    }

    async fn tasks(&self) -> StoreResult<Vec<TaskDefinition>> {
        self.see("tasks", self.inner.tasks()).await
    }

    async fn task(&self, id: &TaskId) -> StoreResult<Option<TaskDefinition>> {
        self.see("task", self.inner.task(id)).await
    }

    async fn add_schedule(&self, schedule: Schedule, policy: ConflictPolicy) -> StoreResult<Vec<Event>> {
        self.see("add_schedule", self.inner.add_schedule(schedule, policy)).await
    }

    async fn edit_schedule(
        &self,
        id: &ScheduleId,
        edit: ScheduleEdit,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        self.see("edit_schedule", self.inner.edit_schedule(id, edit, now)).await
    }

    async fn remove_schedule(
        &self,
        id: &ScheduleId,
        jobs: RemoveJobs,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        self.see("remove_schedule", self.inner.remove_schedule(id, jobs, now)).await
    }

    async fn schedule(&self, id: &ScheduleId) -> StoreResult<Option<Schedule>> {
        self.see("schedule", self.inner.schedule(id)).await
    }

    async fn schedules(&self, filter: &ScheduleFilter) -> StoreResult<Vec<Schedule>> {
        self.see("schedules", self.inner.schedules(filter)).await
    }

    async fn add_jobs(&self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>> {
        self.see("add_jobs", self.inner.add_jobs(jobs, interest)).await
    }

    async fn cancel_job(&self, id: JobId, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        self.see("cancel_job", self.inner.cancel_job(id, now)).await
    }

    async fn job_status(&self, id: JobId) -> StoreResult<JobStatus> {
        self.see("job_status", self.inner.job_status(id)).await
    }

    async fn jobs(&self, filter: &JobFilter) -> StoreResult<Vec<Job>> {
        self.see("jobs", self.inner.jobs(filter)).await
    }

    async fn job_result(&self, id: JobId) -> StoreResult<Option<JobResult>> {
        self.see("job_result", self.inner.job_result(id)).await
    }

    async fn set_progress(
        &self,
        job: HeldJob,
        holder: &SchedulerId,
        progress: Progress,
    ) -> StoreResult<Vec<Event>> {
        self.see("set_progress", self.inner.set_progress(job, holder, progress)).await
    }

    // ----- for schedulers -----

    async fn acquire_schedules(
        &self,
        request: AcquireSchedules,
    ) -> StoreResult<(Vec<ClaimedSchedule>, Vec<Event>)> {
        let call = self.inner.acquire_schedules(request);
        let acquired = self.see_if("acquire_schedules", |(claimed, _)| !claimed.is_empty(), call).await?;
        self.write(Moment::now(), acquired.1.iter().filter_map(quarantined));
        Ok(acquired)
    }

    async fn release_schedules(&self, request: ReleaseSchedules) -> StoreResult<Released<ScheduleId>> {
        let planned = request.releases.iter().flat_map(|release| {
            release.jobs.iter().filter_map(|job| {
                Some(Entry::Planned {
                    schedule: release.schedule_id.clone(),
                    number: number_of(job),
                    fire_time: job.fire_time?,
                    job: job.id,
                })
            })
        });
        self.write(Moment::now(), planned);
        let released = self.see("release_schedules", self.inner.release_schedules(request)).await?;
        self.write(Moment::now(), released.lost.iter().cloned().map(Entry::RefusedSchedule));
        Ok(released)
    }

    async fn acquire_jobs(&self, request: AcquireJobs) -> StoreResult<(Vec<Job>, Vec<Event>)> {
        let asked_at = Moment::now();
        let call = self.inner.acquire_jobs(request);
        let (jobs, events) = self.see_if("acquire_jobs", |(jobs, _)| !jobs.is_empty(), call).await?;
        self.write(asked_at, jobs.iter().map(|job| Entry::Acquired(job.id, job.token.number())));
        self.write(Moment::now(), events.iter().filter_map(quarantined));
        Ok((jobs, events))
    }

    async fn extend_leases(&self, request: ExtendLeases) -> StoreResult<LeaseReport> {
        let (asked_at, claims) = (Moment::now(), request.jobs.clone());
        let report = self.see("extend_leases", self.inner.extend_leases(request)).await?;
        let entries = claims.iter().map(|claim| match report.lost.contains(&claim.job_id) {
            true => Entry::Lost(claim.job_id, claim.token.number()),
            false => Entry::Extended(claim.job_id, claim.token.number()),
        });
        self.write(asked_at, entries);
        Ok(report)
    }

    async fn release_jobs(&self, request: ReleaseJobs) -> StoreResult<Released<JobId>> {
        let released = self.see("release_jobs", self.inner.release_jobs(request)).await?;
        self.write(Moment::now(), released.lost.iter().copied().map(Entry::RefusedJob));
        Ok(released)
    }

    async fn recover(&self, request: Recover) -> StoreResult<Vec<Event>> {
        self.see("recover", self.inner.recover(request)).await
    }

    async fn cancel_requests(&self, scheduler_id: &SchedulerId) -> StoreResult<Vec<JobId>> {
        self.see("cancel_requests", self.inner.cancel_requests(scheduler_id)).await
    }

    async fn next_wakeup(&self, query: WakeupQuery) -> StoreResult<Wakeups> {
        self.see("next_wakeup", self.inner.next_wakeup(query)).await
    }

    async fn cleanup(&self, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        self.see("cleanup", self.inner.cleanup(now)).await
    }
}

/// The number in the load of a job.
fn number_of(job: &Job) -> u64 {
    let load = job.payload.clone().into_value::<Load>(&Serializers::default());
    load.expect("the jobs of a worker have loads").number
}

fn quarantined(event: &Event) -> Option<Entry> {
    match event {
        Event::JobQuarantined(event) => Some(Entry::Quarantined(event.job_id.to_string())),
        Event::ScheduleQuarantined(event) => Some(Entry::Quarantined(event.schedule_id.to_string())),
        _ => None,
    }
}
