//! The store in memory: complete, fast, gone with the process. Also the executable specification of the contract.
//!
//! One lock guards all of it, and no call does I/O, so every method is one short step. Schedulers of one process
//! share it by cloning.

mod job_table;
mod lease_index;
mod schedule_table;
mod task_queue;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use self::job_table::JobTable;
use self::schedule_table::ScheduleTable;
use super::{
    AcquireJobs, AcquireSchedules, ClaimedSchedule, DataStore, ExtendLeases, HeldJob, JobFilter, LeaseReport,
    Recover, RecoverScope, ReleaseJobs, ReleaseSchedules, Released, RemoveJobs, ScheduleFilter, StoreError,
    StoreResult, WakeupQuery, Wakeups,
};
use crate::event::{
    Event, EventInterest, JobProgressed, ScheduleAdded, ScheduleRemoved, ScheduleUpdated, TaskRemoved, Wakeup,
};
use crate::id::{JobId, ScheduleId, SchedulerId, TaskId};
use crate::instant;
use crate::job::{CancelRequest, FinishedAttempt, Job, JobResult, JobStatus, Progress};
use crate::payload::PayloadForm;
use crate::schedule::{
    AddDecision, ConflictPolicy, EarlierFate, EarlierJobs, Schedule, ScheduleEdit, ScheduleRelease,
    decide_add,
};
use crate::task::TaskDefinition;
use crate::trigger::TriggerRegistry;

/// Keeps everything in memory; clones share it.
///
/// ```
/// use apsched_core::MemoryStore;
///
/// let store = MemoryStore::new();
/// let same_store = store.clone();
/// # let _ = same_store;
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    tables: Arc<Mutex<Tables>>,
}

#[derive(Debug, Default)]
struct Tables {
    schedules: ScheduleTable,
    jobs: JobTable,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tables; a panic while they were locked would have been in this module, between two whole steps.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DataStore for MemoryStore {
    async fn start(&self, _registry: &TriggerRegistry) -> StoreResult<()> {
        Ok(())
    }

    fn payload_form(&self) -> PayloadForm {
        PayloadForm::Live
    }

    async fn server_time(&self) -> StoreResult<Option<DateTime<Utc>>> {
        Ok(None)
    }

    async fn put_tasks(&self, tasks: Vec<TaskDefinition>) -> StoreResult<Vec<Event>> {
        let jobs = &mut self.tables().jobs;
        let mut events = Vec::new();
        for task in tasks {
            let known = jobs.definition(&task.id).map(AsRef::as_ref);
            if let Some(told) = task.declared_over(known) {
                events.push(told);
                jobs.define(task);
            }
        }
        if !events.is_empty() {
            events.push(Wakeup::jobs(DateTime::UNIX_EPOCH).into());
        }
        Ok(events)
    }

    async fn remove_task(&self, id: &TaskId) -> StoreResult<Vec<Event>> {
        let removed = self.tables().jobs.undefine(id);
        Ok(removed.map(|()| TaskRemoved::new(id.clone()).into()).into_iter().collect())
    }

    async fn tasks(&self) -> StoreResult<Vec<TaskDefinition>> {
        Ok(self.tables().jobs.definitions().cloned().collect())
    }

    async fn task(&self, id: &TaskId) -> StoreResult<Option<TaskDefinition>> {
        Ok(self.tables().jobs.definition(id).map(|task| TaskDefinition::clone(task)))
    }

    async fn add_schedule(&self, schedule: Schedule, policy: ConflictPolicy) -> StoreResult<Vec<Event>> {
        let schedules = &mut self.tables().schedules;
        let (id, task) = (schedule.id.clone(), schedule.task_id.clone());
        let (event, wakeup) = match decide_add(schedules.get(&id), schedule, policy) {
            AddDecision::Refuse => return Err(StoreError::ScheduleExists { schedule_id: id }),
            AddDecision::Keep => return Ok(Vec::new()),
            AddDecision::Insert(schedule) => {
                let next = (schedule.next_fire_time, schedule.claimable_at());
                schedules.put(schedule);
                (ScheduleAdded::new(id, task, next.0).into(), next.1)
            }
            AddDecision::Overwrite(schedule) => {
                let next = (schedule.next_fire_time, schedule.claimable_at());
                schedules.put(schedule);
                (ScheduleUpdated::new(id, task, next.0).into(), next.1)
            }
        };
        Ok(std::iter::once(event).chain(wakeup.map(|at| Wakeup::schedules(at).into())).collect())
    }

    async fn edit_schedule(
        &self,
        id: &ScheduleId,
        edit: ScheduleEdit,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        let schedules = &mut self.tables().schedules;
        let schedule =
            schedules.get(id).ok_or_else(|| StoreError::ScheduleNotFound { schedule_id: id.clone() })?;
        let edited = edit
            .applied_to(schedule, now)
            .map_err(|source| StoreError::Trigger { schedule_id: id.clone(), source })?;
        let wakeup = edited.claimable_at();
        let event = ScheduleUpdated::new(id.clone(), edited.task_id.clone(), edited.next_fire_time);
        schedules.put(Box::new(edited));
        Ok(std::iter::once(event.into()).chain(wakeup.map(|at| Wakeup::schedules(at).into())).collect())
    }

    async fn remove_schedule(
        &self,
        id: &ScheduleId,
        jobs: RemoveJobs,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>> {
        let tables = &mut *self.tables();
        let schedule = tables
            .schedules
            .remove(id)
            .ok_or_else(|| StoreError::ScheduleNotFound { schedule_id: id.clone() })?;
        let mut events = vec![ScheduleRemoved::new(schedule.id.clone(), schedule.task_id).into()];
        if jobs == RemoveJobs::Cancel {
            tables.cancel_jobs_of(id, now, &mut events);
        }
        Ok(events)
    }

    async fn schedule(&self, id: &ScheduleId) -> StoreResult<Option<Schedule>> {
        Ok(self.tables().schedules.get(id).cloned())
    }

    async fn schedules(&self, filter: &ScheduleFilter) -> StoreResult<Vec<Schedule>> {
        Ok(self.tables().schedules.list(filter))
    }

    async fn acquire_schedules(
        &self,
        request: AcquireSchedules,
    ) -> StoreResult<(Vec<ClaimedSchedule>, Vec<Event>)> {
        let tables = &mut *self.tables();
        let schedules = tables.schedules.acquire(&request);
        let with_task = |schedule: Schedule| {
            let task = tables.jobs.definition(&schedule.task_id).cloned();
            ClaimedSchedule { schedule, task }
        };
        Ok((schedules.into_iter().map(with_task).collect(), Vec::new()))
    }

    async fn release_schedules(&self, request: ReleaseSchedules) -> StoreResult<Released<ScheduleId>> {
        let tables = &mut *self.tables();
        let mut released = Released::default();
        let mut wakeup = Wakeup::new(None, None);
        for release in request.releases.iter() {
            match tables.release_schedule(release, &request.scheduler_id, request.now, request.interest) {
                Some(written) => {
                    released.events.extend(written.events);
                    wakeup.jobs_at = wakeup.jobs_at.into_iter().chain(written.jobs_at).min();
                    wakeup.schedules_at = wakeup.schedules_at.into_iter().chain(written.schedule_at).min();
                }
                None => released.lost.push(release.schedule_id.clone()),
            }
        }
        if wakeup != Wakeup::new(None, None) {
            released.events.push(wakeup.into());
        }
        Ok(released)
    }

    async fn add_jobs(&self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>> {
        let table = &mut self.tables().jobs;
        let mut events = Vec::new();
        let mut earliest: Option<DateTime<Utc>> = None;
        for job in jobs {
            let run_at = job.run_at;
            if table.add(job, interest, &mut events) {
                earliest = Some(earliest.map_or(run_at, |at| at.min(run_at)));
            }
        }
        events.extend(earliest.map(|at| Wakeup::jobs(at).into()));
        Ok(events)
    }

    async fn cancel_job(&self, id: JobId, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        let mut events = Vec::new();
        self.tables().jobs.cancel(id, now, &mut events);
        Ok(events)
    }

    async fn job_status(&self, id: JobId) -> StoreResult<JobStatus> {
        let jobs = &self.tables().jobs;
        let active = jobs.job(id).map(|job| JobStatus::Active(Box::new(job.clone())));
        let finished = || jobs.result(id).map(|result| JobStatus::Finished(Box::new(result.clone())));
        Ok(active.or_else(finished).unwrap_or(JobStatus::Unknown))
    }

    async fn jobs(&self, filter: &JobFilter) -> StoreResult<Vec<Job>> {
        Ok(self.tables().jobs.list(filter))
    }

    async fn job_result(&self, id: JobId) -> StoreResult<Option<JobResult>> {
        Ok(self.tables().jobs.result(id).cloned())
    }

    async fn acquire_jobs(&self, request: AcquireJobs) -> StoreResult<(Vec<Job>, Vec<Event>)> {
        let mut events = Vec::new();
        let jobs = self.tables().jobs.acquire(&request, &mut events);
        Ok((jobs, events))
    }

    async fn extend_leases(&self, request: ExtendLeases) -> StoreResult<LeaseReport> {
        let table = &mut self.tables().jobs;
        let until = instant::after(request.now, request.lease);
        let mut report = LeaseReport::default();
        for held in request.jobs {
            match table.extend(held, &request.scheduler_id, until) {
                None => report.lost.push(held.job_id),
                Some(CancelRequest::Requested) => report.cancelled.push(held.job_id),
                Some(CancelRequest::None) => {}
            }
        }
        Ok(report)
    }

    async fn release_jobs(&self, request: ReleaseJobs) -> StoreResult<Released<JobId>> {
        let table = &mut self.tables().jobs;
        let mut released = Released::default();
        let mut wakeup: Option<DateTime<Utc>> = None;
        for release in request.releases.iter() {
            let events = &mut released.events;
            match table.release(release, &request.scheduler_id, request.now, request.interest, events) {
                Ok(freed) => {
                    let at = freed.wakeup(request.now);
                    wakeup = wakeup.into_iter().chain(at).min();
                }
                Err(lost) => released.lost.push(lost),
            }
        }
        released.events.extend(wakeup.map(|at| Wakeup::jobs(at).into()));
        Ok(released)
    }

    async fn recover(&self, request: Recover) -> StoreResult<Vec<Event>> {
        let tables = &mut *self.tables();
        let mut events = Vec::new();
        tables.jobs.recover(&request, &mut events);
        tables.jobs.end_missed(request.now, request.limit, &mut events);
        if request.scope == RecoverScope::ExpiredAndPredecessors {
            tables.schedules.drop_leases(|lease| request.scheduler_id.is_other_run_of(&lease.holder));
            events.extend(tables.schedules.first_claimable().map(|at| Wakeup::schedules(at).into()));
        }
        Ok(events)
    }

    async fn cancel_requests(&self, scheduler_id: &SchedulerId) -> StoreResult<Vec<JobId>> {
        Ok(self.tables().jobs.cancel_requests(scheduler_id))
    }

    async fn set_progress(
        &self,
        job: HeldJob,
        holder: &SchedulerId,
        progress: Progress,
    ) -> StoreResult<Vec<Event>> {
        let table = &mut self.tables().jobs;
        let held = table
            .held(job, holder)
            .ok_or_else(|| StoreError::LeaseLost { job_id: job.job_id, holder: holder.clone() })?;
        held.progress = Some(progress);
        Ok(vec![JobProgressed::new(job.job_id).into()])
    }

    async fn next_wakeup(&self, query: WakeupQuery) -> StoreResult<Wakeups> {
        let tables = &mut *self.tables();
        Ok(Wakeups {
            schedule: tables.schedules.first_claimable(),
            job: tables.jobs.next_due(&query.abilities, query.now),
            lease: tables.jobs.first_lease_end().into_iter().chain(tables.jobs.first_missed_at()).min(),
        })
    }

    async fn cleanup(&self, now: DateTime<Utc>) -> StoreResult<Vec<Event>> {
        let tables = &mut *self.tables();
        tables.jobs.remove_expired_results(now);
        let idle = tables.schedules.finished().filter(|id| tables.jobs.of_schedule(id).is_empty());
        let idle: Vec<ScheduleId> = idle.cloned().collect();
        let removed = idle.into_iter().filter_map(|id| tables.schedules.remove(&id));
        Ok(removed.map(|schedule| ScheduleRemoved::new(schedule.id, schedule.task_id).into()).collect())
    }
}

/// What the release of one schedule caused.
struct Written {
    events: Vec<Event>,
    jobs_at: Option<DateTime<Utc>>,
    schedule_at: Option<DateTime<Utc>>,
}

impl Tables {
    fn cancel_jobs_of(&mut self, id: &ScheduleId, now: DateTime<Utc>, events: &mut Vec<Event>) {
        for job in self.jobs.of_schedule(id).to_vec() {
            self.jobs.cancel(job, now, events);
        }
    }

    /// Writes jobs and advance of one schedule. `None`: the claim no longer holds, nothing is written.
    fn release_schedule(
        &mut self,
        release: &ScheduleRelease,
        holder: &SchedulerId,
        now: DateTime<Utc>,
        interest: EventInterest,
    ) -> Option<Written> {
        let id = &release.schedule_id;
        let schedule = self.schedules.get(id)?;
        if !release.holds(holder, schedule.lease.as_deref(), schedule.revision) {
            return None;
        }
        let told = release.events(&schedule.task_id, interest);
        let mut events = Vec::new();
        let earlier =
            if self.jobs.of_schedule(id).is_empty() { EarlierJobs::None } else { EarlierJobs::Active };
        let decided = release.jobs_after(earlier);
        if decided.earlier == EarlierFate::AreCancelled {
            self.cancel_jobs_of(id, now, &mut events);
        }
        for (job, outcome) in decided.ended {
            self.jobs.record(job, FinishedAttempt::without_run(outcome, now), None, interest, &mut events);
        }
        let jobs_at = decided.added.iter().map(|job| job.run_at).min();
        for job in decided.added {
            self.jobs.add(job.clone(), interest, &mut events);
        }
        events.extend(told);
        let mut schedule_at = None;
        self.schedules.change(id, |schedule| {
            schedule.advance(release);
            schedule_at = schedule.claimable_at();
        });
        Some(Written { events, jobs_at, schedule_at })
    }
}
