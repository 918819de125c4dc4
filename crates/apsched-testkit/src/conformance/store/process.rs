//! A process with a scheduler and its own handle on the store under test: the calls of the contract as short verbs.
//!
//! Payloads are handed over in the form the store asks for, so cases are written with live values. A verb panics when
//! the store answers with an error; cases about errors call the [`store`](Process::store) itself.

use std::sync::Arc;
use std::time::Duration;

use apsched_core::event::{Event, EventInterest};
use apsched_core::job::{JobRelease, Release};
use apsched_core::schedule::{ScheduleEdit, ScheduleRelease, plan};
use apsched_core::serializer::Serializers;
use apsched_core::store::{
    AcquireJobs, AcquireSchedules, ClaimedSchedule, DataStore, ExtendLeases, HeldJob, JobFilter, LeaseReport,
    Recover, RecoverScope, ReleaseJobs, ReleaseSchedules, Released, RemoveJobs, ScheduleFilter, StoreResult,
    WakeupQuery, Wakeups,
};
use apsched_core::task::TaskDefinition;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{
    Abilities, ConflictPolicy, ExecutorName, Job, JobId, JobOutcome, JobResult, JobStatus, Payload,
    PayloadForm, Progress, Schedule, ScheduleId, SchedulerId,
};
use chrono::{DateTime, Utc};

use super::StoreHarness;
use super::custom_trigger::registry;
use super::observed::{finished, held, ids, release_of};
use crate::sample::{self, executor, seconds, task_id};

/// The tasks every process knows unless it is told otherwise.
const TASKS: [&str; 3] = ["hash", "mail", "send"];

/// Life of the leases that processes take.
pub(crate) const LEASE: Duration = seconds(30);

#[derive(Clone, Debug)]
pub(crate) struct Process {
    store: Arc<dyn DataStore>,
    id: SchedulerId,
    abilities: Arc<Abilities>,
    serializers: Serializers,
}

impl Process {
    /// Opens the store and starts it; declares the tasks it knows, without limits, if none is declared yet.
    pub(crate) async fn start(harness: &dyn StoreHarness, name: &str) -> Self {
        let process = Self::without_tasks(harness, name).await;
        if done("tasks", process.store.tasks().await).is_empty() {
            done("put_tasks", process.store.put_tasks(TASKS.map(sample::task).to_vec()).await);
        }
        process
    }

    /// Opens the store and starts it.
    pub(crate) async fn without_tasks(harness: &dyn StoreHarness, name: &str) -> Self {
        Self::knowing_triggers(harness, name, &registry()).await
    }

    /// Opens the store and starts it with these custom triggers.
    pub(crate) async fn knowing_triggers(
        harness: &dyn StoreHarness,
        name: &str,
        registry: &TriggerRegistry,
    ) -> Self {
        let store = harness.open().await;
        done("start", store.start(registry).await);
        let executors = [ExecutorName::ASYNC, ExecutorName::THREADPOOL];
        Self {
            store,
            id: sample::scheduler_id(name),
            abilities: Arc::new(Abilities::new(TASKS.map(task_id), executors.map(executor))),
            serializers: Serializers::default(),
        }
    }

    /// Another run under the same name: what stands after the process was killed and started again.
    pub(crate) async fn restarted(&self, harness: &dyn StoreHarness) -> Self {
        let mut run = Self::start(harness, self.id.name().as_str()).await;
        run.id = SchedulerId::new(self.id.name().clone(), self.id.incarnation() + 1);
        run
    }

    /// The same process, able to run only these.
    pub(crate) fn knowing(mut self, tasks: &[&str], executors: &[&str]) -> Self {
        let tasks = tasks.iter().map(|id| task_id(id));
        self.abilities = Arc::new(Abilities::new(tasks, executors.iter().map(|name| executor(name))));
        self
    }

    pub(crate) fn store(&self) -> &dyn DataStore {
        &*self.store
    }

    pub(crate) const fn id(&self) -> &SchedulerId {
        &self.id
    }

    // ----- tasks -----

    pub(crate) async fn put_task(&self, task: TaskDefinition) -> Vec<Event> {
        done("put_tasks", self.store.put_tasks(vec![task]).await)
    }

    /// Declares a task with this limit.
    pub(crate) async fn limit(&self, id: &str, max_running_jobs: Option<u32>) {
        self.put_task(TaskDefinition { max_running_jobs, ..sample::task(id) }).await;
    }

    // ----- schedules, as a user -----

    pub(crate) async fn add_schedule(&self, schedule: Schedule) -> Vec<Event> {
        done("add_schedule", self.try_add_schedule(schedule, ConflictPolicy::Error).await)
    }

    pub(crate) async fn put_schedule(&self, schedule: Schedule, policy: ConflictPolicy) -> Vec<Event> {
        done("add_schedule", self.try_add_schedule(schedule, policy).await)
    }

    pub(crate) async fn try_add_schedule(
        &self,
        schedule: Schedule,
        policy: ConflictPolicy,
    ) -> StoreResult<Vec<Event>> {
        let payload = self.stored(schedule.payload.clone());
        self.store.add_schedule(Schedule { payload, ..schedule }, policy).await
    }

    pub(crate) async fn edit(&self, id: &ScheduleId, edit: ScheduleEdit, now: DateTime<Utc>) -> Vec<Event> {
        let edit = ScheduleEdit { payload: edit.payload.map(|payload| self.stored(payload)), ..edit };
        done("edit_schedule", self.store.edit_schedule(id, edit, now).await)
    }

    pub(crate) async fn remove_schedule(
        &self,
        id: &ScheduleId,
        jobs: RemoveJobs,
        now: DateTime<Utc>,
    ) -> Vec<Event> {
        done("remove_schedule", self.store.remove_schedule(id, jobs, now).await)
    }

    /// The schedule, which must be there.
    pub(crate) async fn schedule(&self, id: &ScheduleId) -> Schedule {
        let found = done("schedule", self.store.schedule(id).await);
        found.unwrap_or_else(|| panic!("expected a schedule {id}, found none"))
    }

    pub(crate) async fn has_schedule(&self, id: &ScheduleId) -> bool {
        done("schedule", self.store.schedule(id).await).is_some()
    }

    pub(crate) async fn schedules(&self, filter: &ScheduleFilter) -> Vec<Schedule> {
        done("schedules", self.store.schedules(filter).await)
    }

    // ----- schedules, as a scheduler -----

    pub(crate) async fn acquire_schedules_with_events(
        &self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> (Vec<ClaimedSchedule>, Vec<Event>) {
        let request = AcquireSchedules { scheduler_id: self.id.clone(), now, lease: LEASE, limit };
        done("acquire_schedules", self.store.acquire_schedules(request).await)
    }

    pub(crate) async fn acquire_schedules(&self, now: DateTime<Utc>, limit: usize) -> Vec<ClaimedSchedule> {
        self.acquire_schedules_with_events(now, limit).await.0
    }

    /// Acquires the only schedule that is due.
    pub(crate) async fn acquire_schedule(&self, now: DateTime<Utc>) -> ClaimedSchedule {
        let mut acquired = self.acquire_schedules(now, 100).await;
        assert_eq!(acquired.len(), 1, "one schedule is due at {now}: {acquired:?}");
        acquired.remove(0)
    }

    /// Plans the jobs of an acquired schedule, as a scheduler does.
    pub(crate) fn plan(&self, acquired: &ClaimedSchedule, now: DateTime<Utc>) -> ScheduleRelease {
        let defaults = sample::task(acquired.schedule.task_id.as_str());
        let task = acquired.task.as_deref().unwrap_or(&defaults);
        let mut random = fastrand::Rng::with_seed(1);
        sample::with_job_ids(|ids| plan(&acquired.schedule, task, now, ids, &mut random))
    }

    pub(crate) async fn release_schedules(
        &self,
        releases: Vec<ScheduleRelease>,
        now: DateTime<Utc>,
    ) -> Released<ScheduleId> {
        let interest = EventInterest::ALL;
        let request =
            ReleaseSchedules { scheduler_id: self.id.clone(), now, releases: releases.into(), interest };
        done("release_schedules", self.store.release_schedules(request).await)
    }

    /// Acquires every schedule that is due, plans it and releases it; gives the jobs that were planned.
    pub(crate) async fn fire(&self, now: DateTime<Utc>) -> Fired {
        let acquired = self.acquire_schedules(now, 100).await;
        let releases: Vec<_> = acquired.iter().map(|acquired| self.plan(acquired, now)).collect();
        let jobs = releases.iter().flat_map(|release| release.jobs.clone()).collect();
        let released = self.release_schedules(releases, now).await;
        assert_eq!(released.lost, [], "nobody else had the schedules");
        Fired { jobs, events: released.events }
    }

    // ----- jobs, as a user -----

    pub(crate) async fn add_jobs(&self, jobs: Vec<Job>) -> Vec<Event> {
        let jobs = jobs.into_iter().map(|job| Job { payload: self.stored(job.payload.clone()), ..job });
        done("add_jobs", self.store.add_jobs(jobs.collect(), EventInterest::ALL).await)
    }

    pub(crate) async fn add_job(&self, job: Job) -> JobId {
        let id = job.id;
        self.add_jobs(vec![job]).await;
        id
    }

    pub(crate) async fn cancel(&self, id: JobId, now: DateTime<Utc>) -> Vec<Event> {
        done("cancel_job", self.store.cancel_job(id, now).await)
    }

    pub(crate) async fn status(&self, id: JobId) -> JobStatus {
        done("job_status", self.store.job_status(id).await)
    }

    /// The job, which must be queued or running.
    pub(crate) async fn job(&self, id: JobId) -> Job {
        match self.status(id).await {
            JobStatus::Active(job) => *job,
            other => panic!("expected job {id} queued or running, found {other:?}"),
        }
    }

    pub(crate) async fn jobs(&self, filter: &JobFilter) -> Vec<Job> {
        done("jobs", self.store.jobs(filter).await)
    }

    /// The ids of all queued and running jobs.
    pub(crate) async fn job_ids(&self) -> Vec<JobId> {
        ids(&self.jobs(&JobFilter::default()).await)
    }

    pub(crate) async fn result(&self, id: JobId) -> Option<JobResult> {
        done("job_result", self.store.job_result(id).await)
    }

    /// How the job ended, by its kept result.
    pub(crate) async fn outcome(&self, id: JobId) -> Option<JobOutcome> {
        self.result(id).await.map(|result| result.outcome)
    }

    // ----- jobs, as a scheduler -----

    pub(crate) async fn acquire_jobs_with_events(
        &self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> (Vec<Job>, Vec<Event>) {
        let request = AcquireJobs {
            scheduler_id: self.id.clone(),
            now,
            lease: LEASE,
            limit,
            abilities: self.abilities.clone(),
            interest: EventInterest::ALL,
        };
        done("acquire_jobs", self.store.acquire_jobs(request).await)
    }

    pub(crate) async fn acquire_jobs(&self, now: DateTime<Utc>, limit: usize) -> Vec<Job> {
        self.acquire_jobs_with_events(now, limit).await.0
    }

    /// Acquires the only job that may be taken.
    pub(crate) async fn acquire_job(&self, now: DateTime<Utc>) -> Job {
        let mut acquired = self.acquire_jobs(now, 100).await;
        assert_eq!(acquired.len(), 1, "one job may be taken at {now}: {acquired:?}");
        acquired.remove(0)
    }

    pub(crate) async fn extend(&self, jobs: &[HeldJob], now: DateTime<Utc>) -> LeaseReport {
        let jobs = jobs.to_vec();
        let request = ExtendLeases { scheduler_id: self.id.clone(), now, lease: LEASE, jobs };
        done("extend_leases", self.store.extend_leases(request).await)
    }

    pub(crate) async fn release_jobs(
        &self,
        releases: Vec<JobRelease>,
        now: DateTime<Utc>,
    ) -> Released<JobId> {
        let interest = EventInterest::ALL;
        let request = ReleaseJobs { scheduler_id: self.id.clone(), now, releases: releases.into(), interest };
        done("release_jobs", self.store.release_jobs(request).await)
    }

    /// Releases one job that the process holds.
    pub(crate) async fn release(&self, job: &Job, release: Release, now: DateTime<Utc>) -> Vec<Event> {
        let released = self.release_jobs(vec![release_of(job, release)], now).await;
        assert_eq!(released.lost, [], "the process holds {}", job.id);
        released.events
    }

    pub(crate) async fn finish(&self, job: &Job, outcome: JobOutcome, now: DateTime<Utc>) -> Vec<Event> {
        self.release(job, finished(outcome, now), now).await
    }

    /// Recovers what it can, up to `limit` jobs.
    pub(crate) async fn recover(&self, now: DateTime<Utc>, limit: usize) -> Vec<Event> {
        self.recover_in(RecoverScope::Expired, now, limit).await
    }

    /// Takes over what earlier runs under its name held, as a scheduler does at its start.
    pub(crate) async fn take_over(&self, now: DateTime<Utc>) -> Vec<Event> {
        self.recover_in(RecoverScope::ExpiredAndPredecessors, now, 1_000).await
    }

    async fn recover_in(&self, scope: RecoverScope, now: DateTime<Utc>, limit: usize) -> Vec<Event> {
        let request = Recover { scheduler_id: self.id.clone(), now, scope, limit, seed: 1 };
        done("recover", self.store.recover(request).await)
    }

    pub(crate) async fn cancel_requests(&self) -> Vec<JobId> {
        done("cancel_requests", self.store.cancel_requests(&self.id).await)
    }

    pub(crate) async fn set_progress(&self, job: &Job, progress: Progress) -> StoreResult<Vec<Event>> {
        self.store.set_progress(held(job), &self.id, progress).await
    }

    // ----- care -----

    pub(crate) async fn next_wakeup(&self, now: DateTime<Utc>) -> Wakeups {
        let query = WakeupQuery { scheduler_id: self.id.clone(), now, abilities: self.abilities.clone() };
        done("next_wakeup", self.store.next_wakeup(query).await)
    }

    pub(crate) async fn cleanup(&self, now: DateTime<Utc>) -> Vec<Event> {
        done("cleanup", self.store.cleanup(now).await)
    }

    /// The payload in the form the store keeps.
    pub(crate) fn stored(&self, payload: Payload) -> Payload {
        match self.store.payload_form() {
            PayloadForm::Live => payload,
            PayloadForm::Encoded => {
                payload.into_encoded(&self.serializers).expect("samples can be written as JSON").into()
            }
        }
    }

    /// The serializers by which stored payloads are read.
    pub(crate) const fn serializers(&self) -> &Serializers {
        &self.serializers
    }
}

/// What a round of firing planned and caused.
#[derive(Debug)]
pub(crate) struct Fired {
    pub(crate) jobs: Vec<Job>,
    pub(crate) events: Vec<Event>,
}

impl Fired {
    /// The only job that was planned.
    pub(crate) fn job(&self) -> &Job {
        assert_eq!(self.jobs.len(), 1, "one job was planned: {:?}", self.jobs);
        &self.jobs[0]
    }
}

/// What the store answered, which must not be an error.
pub(crate) fn done<T>(operation: &str, answer: StoreResult<T>) -> T {
    answer.unwrap_or_else(|error| panic!("{operation} fails: {error} ({error:?})"))
}
