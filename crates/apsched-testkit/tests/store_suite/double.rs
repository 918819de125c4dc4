//! A store that stands in for a database: encoded payloads, rows that can be spoiled, a server's time; and, if asked, one
//! breach of the contract.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use apsched_core::event::{Event, EventInterest, JobQuarantined, ScheduleQuarantined};
use apsched_core::schedule::{ConflictPolicy, Schedule, ScheduleAdvance, ScheduleEdit, ScheduleRelease};
use apsched_core::store::{
    AcquireJobs, AcquireSchedules, ClaimedSchedule, DataStore, ExtendLeases, HeldJob, JobFilter, LeaseReport,
    Recover, ReleaseJobs, ReleaseSchedules, Released, RemoveJobs, ScheduleFilter, StoreResult, WakeupQuery,
    Wakeups,
};
use apsched_core::task::TaskDefinition;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{
    Abilities, Job, JobId, JobResult, JobStatus, MemoryStore, Overlap, PayloadForm, Progress, ScheduleId,
    SchedulerId, TaskId,
};
use apsched_testkit::conformance::Support;
use apsched_testkit::conformance::store::{StoreCapabilities, StoreHarness, StoredRow};
use apsched_testkit::sample::{at, executor, scheduler_id, task_id};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::breach::Breach;
use super::spoiled::{REASON, Spoiled};

#[derive(Clone, Debug)]
pub(crate) struct Double {
    pub(crate) inner: MemoryStore,
    pub(crate) breach: Option<Breach>,
    spoiled_schedules: Arc<Mutex<Spoiled<ScheduleId>>>,
    spoiled_jobs: Arc<Mutex<Spoiled<JobId>>>,
    pub(crate) read_results: Arc<Mutex<BTreeSet<JobId>>>,
}

impl Double {
    pub(crate) fn whole() -> Self {
        Self {
            inner: MemoryStore::new(),
            breach: None,
            spoiled_schedules: Arc::new(Mutex::new(Spoiled::none("schedule"))),
            spoiled_jobs: Arc::new(Mutex::new(Spoiled::none("job"))),
            read_results: Arc::default(),
        }
    }

    pub(crate) fn with_breach(breach: Breach) -> Self {
        Self { breach: Some(breach), ..Self::whole() }
    }

    pub(crate) fn spoiled_schedules(&self) -> MutexGuard<'_, Spoiled<ScheduleId>> {
        self.spoiled_schedules.lock().expect("nothing panics under the lock")
    }

    pub(crate) fn spoiled_jobs(&self) -> MutexGuard<'_, Spoiled<JobId>> {
        self.spoiled_jobs.lock().expect("nothing panics under the lock")
    }

    /// Stands still, as an unreadable schedule does.
    async fn spoil_schedule(&self, id: &ScheduleId) -> StoreResult<()> {
        let now = at(0);
        let scheduler_id = scheduler_id("spoiler");
        let request = AcquireSchedules { scheduler_id, now, lease: Duration::from_secs(1), limit: 1_000 };
        let (acquired, _) = self.inner.acquire_schedules(request.clone()).await?;
        let spoiled =
            acquired.into_iter().find(|it| it.schedule.id == *id).expect("due at the beginning").schedule;
        let advance = ScheduleAdvance::Quarantine(REASON.into());
        let release = ScheduleRelease {
            schedule_id: spoiled.id,
            token: spoiled.token,
            revision: spoiled.revision,
            overlap: Overlap::Skip,
            jobs: Vec::new(),
            advance,
        };
        let releases = vec![release].into();
        let interest = EventInterest::NONE;
        self.inner
            .release_schedules(ReleaseSchedules {
                scheduler_id: request.scheduler_id,
                now,
                releases,
                interest,
            })
            .await?;
        self.spoiled_schedules().insert(id.clone());
        Ok(())
    }

    /// Is in nobody's reach any more, as an unreadable job is.
    async fn spoil_job(&self, id: JobId) -> StoreResult<()> {
        let request = AcquireJobs {
            scheduler_id: scheduler_id("spoiler"),
            now: at(0),
            lease: Duration::from_secs(1 << 30),
            limit: 1,
            abilities: Abilities::new([task_id("send")], [executor("async")]).into(),
            interest: EventInterest::NONE,
        };
        let (jobs, _) = self.inner.acquire_jobs(request).await?;
        assert_eq!(jobs[0].id, id, "the job to spoil is the first");
        self.spoiled_jobs().insert(id);
        Ok(())
    }
}

#[async_trait]
impl StoreHarness for Double {
    async fn open(&self) -> Arc<dyn DataStore> {
        Arc::new(self.clone())
    }

    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities { server_time: Support::Yes, unreadable_rows: Support::Yes }
    }

    async fn spoil(&self, row: StoredRow<'_>) {
        let spoiled = match row {
            StoredRow::Schedule(id) => self.spoil_schedule(id).await,
            StoredRow::Job(id) => self.spoil_job(id).await,
        };
        spoiled.expect("a store in memory does not fail");
    }
}

#[async_trait]
impl DataStore for Double {
    async fn start(&self, registry: &TriggerRegistry) -> StoreResult<()> {
        self.inner.start(registry).await
    }

    fn payload_form(&self) -> PayloadForm {
        PayloadForm::Encoded
    }

    async fn server_time(&self) -> StoreResult<Option<DateTime<Utc>>> {
        Ok(Some(at(0)))
    }

    async fn put_tasks(&self, tasks: Vec<TaskDefinition>) -> StoreResult<Vec<Event>> {
        self.inner.put_tasks(tasks).await
    }

    async fn remove_task(&self, id: &TaskId) -> StoreResult<Vec<Event>> {
        self.inner.remove_task(id).await
    }

    async fn tasks(&self) -> StoreResult<Vec<TaskDefinition>> {
        self.inner.tasks().await
    }

    async fn task(&self, id: &TaskId) -> StoreResult<Option<TaskDefinition>> {
        self.inner.task(id).await
    }

    async fn add_schedule(&self, schedule: Schedule, policy: ConflictPolicy) -> StoreResult<Vec<Event>> {
        let id = schedule.id.clone();
        let events = self.inner.add_schedule(schedule, policy).await?;
        if !events.is_empty() {
            self.spoiled_schedules().remove(&id);
        }
        Ok(events)
    }

    async fn edit_schedule(
        &self,
        id: &ScheduleId,
        edit: ScheduleEdit,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        self.spoiled_schedules().readable(id)?;
        self.inner.edit_schedule(id, edit, now).await
    }

    async fn remove_schedule(
        &self,
        id: &ScheduleId,
        jobs: RemoveJobs,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        self.spoiled_schedules().remove(id);
        self.inner.remove_schedule(id, jobs, now).await
    }

    async fn schedule(&self, id: &ScheduleId) -> StoreResult<Option<Schedule>> {
        self.readable_schedule(id)?;
        self.inner.schedule(id).await
    }

    async fn schedules(&self, filter: &ScheduleFilter) -> StoreResult<Vec<Schedule>> {
        let mut schedules = self.inner.schedules(filter).await?;
        schedules.retain(|schedule| !self.spoiled_schedules().contains(&schedule.id));
        Ok(schedules)
    }

    async fn acquire_schedules(
        &self,
        request: AcquireSchedules,
    ) -> StoreResult<(Vec<ClaimedSchedule>, Vec<Event>)> {
        let (claimed, mut events) = self.inner.acquire_schedules(request).await?;
        let spoiled = self.reported_schedules();
        events.extend(spoiled.into_iter().map(|id| ScheduleQuarantined::new(id, REASON.to_owned()).into()));
        Ok((claimed, events))
    }

    async fn release_schedules(&self, request: ReleaseSchedules) -> StoreResult<Released<ScheduleId>> {
        let request = self.broken_schedule_release(request).await?;
        self.inner.release_schedules(request).await
    }

    async fn add_jobs(&self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>> {
        let jobs = self.broken_jobs(jobs).await?;
        self.inner.add_jobs(jobs, interest).await
    }

    async fn cancel_job(&self, id: JobId, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        self.inner.cancel_job(id, now).await
    }

    async fn job_status(&self, id: JobId) -> StoreResult<JobStatus> {
        self.readable_job(id)?;
        self.inner.job_status(id).await
    }

    async fn jobs(&self, filter: &JobFilter) -> StoreResult<Vec<Job>> {
        let mut jobs = self.inner.jobs(filter).await?;
        jobs.retain(|job| !self.spoiled_jobs().contains(&job.id));
        Ok(jobs)
    }

    async fn job_result(&self, id: JobId) -> StoreResult<Option<JobResult>> {
        let result = self.inner.job_result(id).await?;
        Ok(result.filter(|_| !self.hides_result(id)))
    }

    async fn acquire_jobs(&self, request: AcquireJobs) -> StoreResult<(Vec<Job>, Vec<Event>)> {
        let request = self.broken_acquisition(request).await?;
        let (jobs, mut events) = self.inner.acquire_jobs(request).await?;
        let spoiled = self.spoiled_jobs().unreported();
        events.extend(spoiled.into_iter().map(|id| JobQuarantined::new(id, REASON.to_owned()).into()));
        Ok((jobs, events))
    }

    async fn extend_leases(&self, request: ExtendLeases) -> StoreResult<LeaseReport> {
        self.inner.extend_leases(request).await
    }

    async fn release_jobs(&self, request: ReleaseJobs) -> StoreResult<Released<JobId>> {
        let request = self.broken_job_release(request).await?;
        self.inner.release_jobs(request).await
    }

    async fn recover(&self, request: Recover) -> StoreResult<Vec<Event>> {
        self.inner.recover(self.broken_recovery(request)).await
    }

    async fn cancel_requests(&self, scheduler_id: &SchedulerId) -> StoreResult<Vec<JobId>> {
        self.inner.cancel_requests(scheduler_id).await
    }

    async fn set_progress(
        &self,
        job: HeldJob,
        holder: &SchedulerId,
        progress: Progress,
    ) -> StoreResult<Vec<Event>> {
        self.inner.set_progress(job, holder, progress).await
    }

    async fn next_wakeup(&self, query: WakeupQuery) -> StoreResult<Wakeups> {
        let now = query.now;
        Ok(self.broken_wakeups(self.inner.next_wakeup(query).await?, now))
    }

    async fn cleanup(&self, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        self.inner.cleanup(now).await
    }
}
