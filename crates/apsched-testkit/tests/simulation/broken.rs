//! A store that breaks one rule on purpose, and passes everything else on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use apsched_core::event::{Event, EventInterest};
use apsched_core::job::{ClaimOrder, FinishedAttempt, JobState, Release};
use apsched_core::schedule::{ConflictPolicy, Schedule, ScheduleEdit, ScheduleState};
use apsched_core::store::{
    AcquireJobs, AcquireSchedules, ClaimedSchedule, DataStore, ExtendLeases, HeldJob, JobFilter, LeaseReport,
    Recover, ReleaseJobs, ReleaseSchedules, Released, RemoveJobs, ScheduleFilter, StoreResult, WakeupQuery,
    Wakeups,
};
use apsched_core::task::TaskDefinition;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{
    Abilities, Job, JobId, JobOutcome, JobResult, JobStatus, Lease, PayloadForm, Progress, ScheduleId,
    SchedulerId, TaskId, instant,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::mutation::Mutation;

/// A store with one mutation.
#[derive(Debug)]
pub(crate) struct Broken<S> {
    inner: S,
    mutation: Mutation,
    notes: Mutex<Notes>,
}

/// What the mutation has to remember.
#[derive(Debug, Default)]
struct Notes {
    /// Jobs whose outcome is recorded though they go on.
    abandoned: BTreeSet<JobId>,
    /// Tasks with a slot that is gone for good.
    leaky: BTreeSet<TaskId>,
    /// Whether there was a cleanup.
    cleanups: u32,
}

impl<S: DataStore> Broken<S> {
    pub(crate) fn new(inner: S, mutation: Mutation) -> Self {
        Self { inner, mutation, notes: Mutex::default() }
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == mutation
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().expect("nothing panics under the lock")
    }

    async fn running(&self) -> StoreResult<Vec<Job>> {
        self.inner.jobs(&JobFilter { state: Some(JobState::Running), ..JobFilter::default() }).await
    }

    /// Releases in the name of whoever holds the job.
    async fn release_as_holder(&self, request: ReleaseJobs) -> StoreResult<Released<JobId>> {
        let mut all = Released::default();
        for release in request.releases.iter() {
            let mut forged = release.clone();
            let mut scheduler_id = request.scheduler_id.clone();
            if let JobStatus::Active(job) = self.inner.job_status(release.job_id).await?
                && let Some(lease) = job.lease
            {
                forged.token = lease.token;
                scheduler_id = lease.holder;
            }
            let releases = Arc::new(vec![forged]);
            let released =
                self.inner.release_jobs(ReleaseJobs { scheduler_id, releases, ..request.clone() }).await?;
            all.events.extend(released.events);
            all.lost.extend(released.lost);
        }
        Ok(all)
    }

    /// Releases in the name of whoever holds the schedule, as if it were planned from what stands there now.
    async fn release_schedules_as_holder(
        &self,
        request: ReleaseSchedules,
    ) -> StoreResult<Released<ScheduleId>> {
        let mut all = Released::default();
        for release in request.releases.iter() {
            let mut forged = release.clone();
            let mut scheduler_id = request.scheduler_id.clone();
            if let Some(schedule) = self.inner.schedule(&release.schedule_id).await? {
                forged.revision = schedule.revision;
                if let Some(lease) = &schedule.lease {
                    forged.token = lease.token;
                    scheduler_id = lease.holder.clone();
                }
            }
            let releases = Arc::new(vec![forged]);
            let request = ReleaseSchedules { scheduler_id, releases, ..request.clone() };
            let released = self.inner.release_schedules(request).await?;
            all.events.extend(released.events);
            all.lost.extend(released.lost);
        }
        Ok(all)
    }

    /// The limits as they would be if nothing ran, while `acquire` is done.
    async fn acquire_beyond_limits(&self, request: AcquireJobs) -> StoreResult<(Vec<Job>, Vec<Event>)> {
        let tasks = self.inner.tasks().await?;
        let running = self.running().await?;
        for task in &tasks {
            let of_task = running.iter().filter(|job| job.task_id == task.id).count();
            let limit = task.max_running_jobs.map(|limit| limit + u32::try_from(of_task).expect("a few"));
            self.inner.put_tasks(vec![TaskDefinition { max_running_jobs: limit, ..task.clone() }]).await?;
        }
        let acquired = self.inner.acquire_jobs(request).await;
        self.inner.put_tasks(tasks).await?;
        acquired
    }

    /// Only tasks that are among the first due jobs, however many of them may run.
    async fn abilities_of_first_jobs(&self, request: &AcquireJobs) -> StoreResult<Abilities> {
        let queued = JobFilter { state: Some(JobState::Queued), ..JobFilter::default() };
        let mut due = self.inner.jobs(&queued).await?;
        due.retain(|job| job.run_at <= request.now && request.abilities.knows_task(&job.task_id));
        due.sort_by_key(ClaimOrder::of);
        let tasks = due.into_iter().take(request.limit).map(|job| job.task_id);
        Ok(Abilities::new(tasks, request.abilities.executors().cloned()))
    }

    async fn note_what_is_recovered(&self, request: &Recover) -> StoreResult<()> {
        let running = self.running().await?;
        let is_covered = |job: &&Job| {
            job.lease
                .as_ref()
                .is_some_and(|lease| request.scope.covers(lease, &request.scheduler_id, request.now))
        };
        let covered: Vec<&Job> = running.iter().filter(is_covered).collect();
        let mut notes = self.notes();
        notes.abandoned.extend(covered.iter().map(|job| job.id));
        notes.leaky.extend(covered.iter().map(|job| job.task_id.clone()));
        Ok(())
    }

    fn seen(&self, status: JobStatus) -> JobStatus {
        match status {
            JobStatus::Finished(result) => match (self.mutation, result.outcome) {
                (Mutation::DropsResults, JobOutcome::Error) => JobStatus::Unknown,
                (Mutation::ForgetsSkips, JobOutcome::Skipped) => JobStatus::Unknown,
                (Mutation::CleansUpTooMuch, _) if self.notes().cleanups > 1 => JobStatus::Unknown,
                _ => JobStatus::Finished(result),
            },
            JobStatus::Active(job) if self.is(Mutation::AbandonsWhatItRunsAgain) => {
                let is_abandoned = job.lease.is_none() && self.notes().abandoned.contains(&job.id);
                let end = FinishedAttempt::without_run(JobOutcome::Abandoned, job.created_at);
                let result = end.into_result(&job).filter(|_| is_abandoned);
                result.map_or(JobStatus::Active(job), |result| JobStatus::Finished(Box::new(result)))
            }
            other => other,
        }
    }
}

#[async_trait]
impl<S: DataStore> DataStore for Broken<S> {
    async fn start(&self, registry: &TriggerRegistry) -> StoreResult<()> {
        self.inner.start(registry).await
    }

    fn payload_form(&self) -> PayloadForm {
        self.inner.payload_form()
    }

    async fn server_time(&self) -> StoreResult<Option<DateTime<Utc>>> {
        self.inner.server_time().await
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
        self.inner.add_schedule(schedule, policy).await
    }

    async fn edit_schedule(
        &self,
        id: &ScheduleId,
        edit: ScheduleEdit,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        self.inner.edit_schedule(id, edit, now).await
    }

    async fn remove_schedule(
        &self,
        id: &ScheduleId,
        jobs: RemoveJobs,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        self.inner.remove_schedule(id, jobs, now).await
    }

    async fn schedule(&self, id: &ScheduleId) -> StoreResult<Option<Schedule>> {
        self.inner.schedule(id).await
    }

    async fn schedules(&self, filter: &ScheduleFilter) -> StoreResult<Vec<Schedule>> {
        self.inner.schedules(filter).await
    }

    async fn acquire_schedules(
        &self,
        request: AcquireSchedules,
    ) -> StoreResult<(Vec<ClaimedSchedule>, Vec<Event>)> {
        let (mut claimed, events) = self.inner.acquire_schedules(request.clone()).await?;
        if self.is(Mutation::GivesOutPausedSchedules) {
            for schedule in self.inner.schedules(&ScheduleFilter::default()).await? {
                if schedule.state == ScheduleState::Paused && schedule.next_fire_time <= Some(request.now) {
                    let until = instant::after(request.now, request.lease);
                    let token = schedule.token.next();
                    let lease = Some(Box::new(Lease { holder: request.scheduler_id.clone(), token, until }));
                    claimed.push(ClaimedSchedule {
                        schedule: Schedule { token, lease, ..schedule },
                        task: None,
                    });
                }
            }
        }
        Ok((claimed, events))
    }

    async fn release_schedules(&self, request: ReleaseSchedules) -> StoreResult<Released<ScheduleId>> {
        match self.mutation {
            Mutation::TakesStaleScheduleReleases => self.release_schedules_as_holder(request).await,
            Mutation::AddsJobsBeforeTheAdvance => {
                let released = self.inner.release_schedules(request.clone()).await?;
                let lost =
                    request.releases.iter().filter(|release| released.lost.contains(&release.schedule_id));
                let jobs = lost.flat_map(|release| release.jobs.clone()).collect();
                self.inner.add_jobs(jobs, EventInterest::NONE).await?;
                Ok(released)
            }
            _ => self.inner.release_schedules(request).await,
        }
    }

    async fn add_jobs(&self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>> {
        self.inner.add_jobs(jobs, interest).await
    }

    async fn cancel_job(&self, id: JobId, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        if self.is(Mutation::ForgetsCancels) {
            return Ok(Vec::new());
        }
        self.inner.cancel_job(id, now).await
    }

    async fn job_status(&self, id: JobId) -> StoreResult<JobStatus> {
        Ok(self.seen(self.inner.job_status(id).await?))
    }

    async fn jobs(&self, filter: &JobFilter) -> StoreResult<Vec<Job>> {
        self.inner.jobs(filter).await
    }

    async fn job_result(&self, id: JobId) -> StoreResult<Option<JobResult>> {
        self.inner.job_result(id).await
    }

    async fn acquire_jobs(&self, mut request: AcquireJobs) -> StoreResult<(Vec<Job>, Vec<Event>)> {
        match self.mutation {
            Mutation::LimitIgnoresRunningJobs => return self.acquire_beyond_limits(request).await,
            Mutation::LimitsBeforeFiltering => {
                request.abilities = self.abilities_of_first_jobs(&request).await?.into();
            }
            Mutation::GivesOutEarly => {
                request.now = instant::after(request.now, Duration::from_secs(1));
                request.lease = request.lease.saturating_sub(Duration::from_secs(1));
            }
            Mutation::LeaksSlots => {
                let abilities = &request.abilities;
                let tasks: Vec<TaskId> =
                    abilities.tasks().filter(|task| !self.notes().leaky.contains(*task)).cloned().collect();
                request.abilities = Abilities::new(tasks, abilities.executors().cloned()).into();
            }
            Mutation::GivesOutTwice => {
                let running = self.running().await?;
                let (mut jobs, events) = self.inner.acquire_jobs(request.clone()).await?;
                let known = running.into_iter().find(|job| request.abilities.knows_task(&job.task_id));
                jobs.extend(known.filter(|_| jobs.len() < request.limit));
                return Ok((jobs, events));
            }
            _ => {}
        }
        self.inner.acquire_jobs(request).await
    }

    async fn extend_leases(&self, request: ExtendLeases) -> StoreResult<LeaseReport> {
        let mut report = self.inner.extend_leases(request).await?;
        if self.is(Mutation::TakesStaleRenewals) {
            report.lost.clear();
        }
        Ok(report)
    }

    async fn release_jobs(&self, mut request: ReleaseJobs) -> StoreResult<Released<JobId>> {
        match self.mutation {
            Mutation::TakesStaleJobReleases => return self.release_as_holder(request).await,
            Mutation::ForgetsHandBacks => {
                let mut releases = Vec::clone(&request.releases);
                releases.retain(|release| !matches!(release.release, Release::HandBack));
                request.releases = releases.into();
            }
            _ => {}
        }
        self.inner.release_jobs(request).await
    }

    async fn recover(&self, mut request: Recover) -> StoreResult<Vec<Event>> {
        match self.mutation {
            Mutation::RecoversNothing => return Ok(Vec::new()),
            Mutation::RecoversLiveLeases => request.now = instant::after(request.now, Duration::from_secs(2)),
            _ => self.note_what_is_recovered(&request).await?,
        }
        self.inner.recover(request).await
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
        let wakeups = self.inner.next_wakeup(query).await?;
        match self.mutation {
            Mutation::LosesWakeups => Ok(Wakeups::default()),
            Mutation::PromisesAlways => Ok(Wakeups { schedule: Some(now), job: Some(now), ..wakeups }),
            Mutation::AnswersLater => std::future::pending().await,
            _ => Ok(wakeups),
        }
    }

    async fn cleanup(&self, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        self.notes().cleanups += 1;
        self.inner.cleanup(now).await
    }
}
