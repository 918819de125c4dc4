//! Queued and running jobs, and the results of those that ended.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::lease_index::LeaseIndex;
use super::task_queue::TaskQueue;
use crate::event::{Event, EventInterest, EventType, JobAcquired, JobAdded, JobReleased, Wakeup};
use crate::id::{JobId, JobIdMap, ScheduleId, SchedulerId, TaskId};
use crate::instant;
use crate::job::{
    Abilities, CancelRequest, CancelStep, ClaimEnd, ClaimOrder, FinishedAttempt, Job, JobOutcome, JobRelease,
    JobResult, JobState, Release,
};
use crate::schedule::{has_missed, missed_at};
use crate::store::{AcquireJobs, HeldJob, JobFilter, Recover};
use crate::task::TaskDefinition;

#[derive(Debug, Default)]
pub(super) struct JobTable {
    jobs: JobIdMap<Box<Entry>>,
    tasks: Vec<TaskQueue>,
    numbers: BTreeMap<TaskId, usize>,
    /// Numbers of the tasks that have queued jobs.
    waiting: BTreeSet<usize>,
    leases: LeaseIndex,
    /// Queued and running jobs of each schedule that has any.
    by_schedule: HashMap<ScheduleId, Vec<JobId>>,
    results: JobIdMap<JobResult>,
    expiries: BTreeSet<(DateTime<Utc>, JobId)>,
    /// Start deadlines of jobs that have not been attempted; those that are held are passed over.
    deadlines: BTreeSet<(DateTime<Utc>, JobId)>,
}

#[derive(Debug)]
struct Entry {
    job: Job,
    task: usize,
}

impl JobTable {
    // ----- tasks -----

    pub(super) fn define(&mut self, definition: TaskDefinition) {
        let task = self.task_number(&definition.id);
        self.tasks[task].definition = Some(definition.into());
    }

    pub(super) fn undefine(&mut self, id: &TaskId) -> Option<()> {
        let task = *self.numbers.get(id)?;
        self.tasks[task].definition.take().map(drop)
    }

    pub(super) fn definition(&self, id: &TaskId) -> Option<&std::sync::Arc<TaskDefinition>> {
        self.tasks[*self.numbers.get(id)?].definition.as_ref()
    }

    pub(super) fn definitions(&self) -> impl Iterator<Item = &TaskDefinition> {
        self.numbers.values().filter_map(|task| self.tasks[*task].definition.as_deref())
    }

    fn task_number(&mut self, id: &TaskId) -> usize {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = self.tasks.len();
        self.tasks.push(TaskQueue::new(id.clone()));
        self.numbers.insert(id.clone(), number);
        number
    }

    // ----- queueing and claiming -----

    /// Queues a job, unless one of its id is or was there.
    pub(super) fn add(&mut self, job: Job, interest: EventInterest, events: &mut Vec<Event>) -> bool {
        if self.jobs.contains_key(&job.id) || self.results.contains_key(&job.id) {
            return false;
        }
        if interest.includes(JobAdded::INTEREST) {
            let (task, schedule) = (job.task_id.clone(), job.schedule_id.clone());
            events.push(JobAdded::new(job.id, task, schedule, job.run_at).into());
        }
        if let Some(schedule) = &job.schedule_id {
            self.by_schedule.entry(schedule.clone()).or_default().push(job.id);
        }
        self.deadlines.extend(job.start_deadline.map(|deadline| (deadline, job.id)));
        let task = self.task_number(&job.task_id);
        self.queue(task, &job, job.created_at);
        self.jobs.insert(job.id, Box::new(Entry { job, task }));
        true
    }

    fn queue(&mut self, task: usize, job: &Job, now: DateTime<Utc>) {
        self.tasks[task].push(&job.settings.job_executor, ClaimOrder::of(job), now);
        self.waiting.insert(task);
    }

    pub(super) fn acquire(&mut self, request: &AcquireJobs, events: &mut Vec<Event>) -> Vec<Job> {
        let until = instant::after(request.now, request.lease);
        let mut front = self.front(&request.abilities, request.now);
        let mut acquired = Vec::with_capacity(request.limit.min(self.jobs.len()));
        while acquired.len() < request.limit
            && let Some(Reverse((place, task, lane))) = front.pop()
        {
            let queue = &mut self.tasks[task];
            if queue.free_slots() == 0 {
                continue;
            }
            queue.lane(lane).pop();
            queue.running += 1;
            if let Some(entry) = self.jobs.get_mut(&place.job_id()) {
                let job = &mut entry.job;
                job.acquire(request.scheduler_id.clone(), until);
                self.leases.insert(until, job.id);
                if request.interest.includes(JobAcquired::INTEREST) {
                    let (task, schedule) = (job.task_id.clone(), job.schedule_id.clone());
                    let holder = request.scheduler_id.clone();
                    events.push(JobAcquired::new(job.id, task, schedule, holder, job.attempt).into());
                }
                acquired.push(job.clone());
            }
            let jobs = &self.jobs;
            if let Some(next) = queue.lane(lane).first(request.now, |place| is_queued(jobs, place)) {
                front.push(Reverse((next, task, lane)));
            }
        }
        self.forget_empty_queues();
        acquired
    }

    /// The first due job of each queue that the caller can run.
    fn front(
        &mut self,
        abilities: &Abilities,
        now: DateTime<Utc>,
    ) -> BinaryHeap<Reverse<(ClaimOrder, usize, usize)>> {
        let mut front = BinaryHeap::new();
        for &task in &self.waiting {
            let queue = &mut self.tasks[task];
            if queue.free_slots() == 0 || !abilities.knows_task(&queue.id) {
                continue;
            }
            for (lane, jobs) in queue.lanes(abilities) {
                if let Some(place) = jobs.first(now, |place| is_queued(&self.jobs, place)) {
                    front.push(Reverse((place, task, lane)));
                }
            }
        }
        front
    }

    fn forget_empty_queues(&mut self) {
        let tasks = &mut self.tasks;
        self.waiting.retain(|task| {
            tasks[*task].drop_empty_lanes();
            !tasks[*task].is_empty()
        });
    }

    /// When the first job that the caller could acquire is due.
    pub(super) fn next_due(&mut self, abilities: &Abilities, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut earliest: Option<DateTime<Utc>> = None;
        for &task in &self.waiting {
            let queue = &mut self.tasks[task];
            if queue.free_slots() == 0 || !abilities.knows_task(&queue.id) {
                continue;
            }
            for (_, lane) in queue.lanes(abilities) {
                let is_queued = |place| is_queued(&self.jobs, place);
                let ready = lane.first(now, is_queued).map(|place| place.run_at());
                let due = ready.into_iter().chain(lane.first_delayed(is_queued));
                earliest = earliest.into_iter().chain(due).min();
            }
        }
        earliest
    }

    pub(super) fn first_lease_end(&self) -> Option<DateTime<Utc>> {
        self.leases.first_end()
    }

    // ----- held jobs -----

    /// The job, if the caller's claim on it holds.
    pub(super) fn held(&mut self, held: HeldJob, holder: &SchedulerId) -> Option<&mut Job> {
        let job = &mut self.jobs.get_mut(&held.job_id)?.job;
        job.lease.as_ref().is_some_and(|lease| lease.is_held_by(holder, held.token)).then_some(job)
    }

    pub(super) fn extend(
        &mut self,
        held: HeldJob,
        holder: &SchedulerId,
        until: DateTime<Utc>,
    ) -> Option<CancelRequest> {
        let job = self.held(held, holder)?;
        let cancel = job.cancel;
        let lease = job.lease.as_mut()?;
        let before = std::mem::replace(&mut lease.until, until);
        self.leases.remove(before);
        self.leases.insert(until, held.job_id);
        Some(cancel)
    }

    /// Writes the end of a claim, if it holds.
    pub(super) fn release(
        &mut self,
        release: &JobRelease,
        holder: &SchedulerId,
        now: DateTime<Utc>,
        interest: EventInterest,
        events: &mut Vec<Event>,
    ) -> Result<Freed, JobId> {
        let held = HeldJob::new(release.job_id, release.token);
        if self.held(held, holder).is_none() {
            return Err(release.job_id);
        }
        Ok(self.end_claim(release.job_id, release.release.clone(), now, interest, events))
    }

    /// Drops the claim on a running job and does what follows.
    fn end_claim(
        &mut self,
        id: JobId,
        release: Release,
        now: DateTime<Utc>,
        interest: EventInterest,
        events: &mut Vec<Event>,
    ) -> Freed {
        let Some(entry) = self.jobs.get_mut(&id) else { return Freed::default() };
        let (task, job) = (entry.task, &mut entry.job);
        let queue = &mut self.tasks[task];
        queue.running -= 1;
        let freed = Freed { slot: queue.slots().were_awaited(1), queued_at: None };
        let deadline = job.start_deadline;
        if let Some(lease) = &job.lease {
            self.leases.remove(lease.until);
        }
        match job.end_claim(release, now, interest) {
            ClaimEnd::Gone(end) => {
                let holder = job.lease.take().map(|lease| lease.holder);
                self.finish(id, end, holder, interest, events);
                return freed;
            }
            ClaimEnd::Queued(told) => events.extend(told),
        }
        if let Some(deadline) = deadline.filter(|_| job.start_deadline.is_none()) {
            self.deadlines.remove(&(deadline, id));
        }
        let queued_at = Some(job.run_at);
        queue.push(&job.settings.job_executor, ClaimOrder::of(job), now);
        self.waiting.insert(task);
        Freed { queued_at, ..freed }
    }

    /// Removes a job that holds no slot, and keeps its result as its settings say.
    fn finish(
        &mut self,
        id: JobId,
        end: FinishedAttempt,
        holder: Option<SchedulerId>,
        interest: EventInterest,
        events: &mut Vec<Event>,
    ) {
        let Some(entry) = self.jobs.remove(&id) else { return };
        let Entry { job, .. } = *entry;
        if let Some(deadline) = job.start_deadline {
            self.deadlines.remove(&(deadline, id));
        }
        if let Some(schedule) = &job.schedule_id
            && let Some(siblings) = self.by_schedule.get_mut(schedule)
        {
            siblings.retain(|sibling| *sibling != id);
            if siblings.is_empty() {
                self.by_schedule.remove(schedule);
            }
        }
        self.record(&job, end, holder, interest, events);
    }

    /// Keeps what is to be kept of a job that ended, and reports it.
    pub(super) fn record(
        &mut self,
        job: &Job,
        end: FinishedAttempt,
        holder: Option<SchedulerId>,
        interest: EventInterest,
        events: &mut Vec<Event>,
    ) {
        let outcome = end.outcome;
        if let Some(result) = end.into_result(job) {
            self.expiries.insert((result.expires_at, job.id));
            self.results.insert(job.id, result);
        }
        if interest.includes(JobReleased::INTEREST) {
            let (task, schedule) = (job.task_id.clone(), job.schedule_id.clone());
            events.push(JobReleased::new(job.id, task, schedule, holder, outcome).into());
        }
    }

    /// Ends queued jobs that can no longer start in time, which they would otherwise learn only once a slot is free.
    pub(super) fn end_missed(&mut self, now: DateTime<Utc>, limit: usize, events: &mut Vec<Event>) {
        let is_missed = |id: &JobId| self.job(*id).is_some_and(|job| job.is_to_end_as_missed(now));
        let passed =
            self.deadlines.iter().take_while(|(deadline, _)| has_missed(*deadline, now)).map(|(_, id)| *id);
        let missed: Vec<JobId> = passed.filter(is_missed).take(limit).collect();
        for id in missed {
            let end = FinishedAttempt::without_run(JobOutcome::MissedStartDeadline, now);
            self.finish(id, end, None, EventInterest::ALL, events);
        }
    }

    /// When the first queued job can no longer start in time.
    pub(super) fn first_missed_at(&self) -> Option<DateTime<Utc>> {
        let is_queued = |id: &JobId| self.job(*id).is_some_and(|job| job.state() == JobState::Queued);
        let (deadline, _) = self.deadlines.iter().find(|(_, id)| is_queued(id))?;
        Some(missed_at(*deadline))
    }

    pub(super) fn recover(&mut self, request: &Recover, events: &mut Vec<Event>) {
        let jobs = &self.jobs;
        let orphans = self.leases.jobs().filter(|(until, id)| {
            let lease = jobs.get(id).and_then(|entry| entry.job.lease.as_ref());
            lease.is_some_and(|lease| {
                lease.until == *until && request.scope.covers(lease, &request.scheduler_id, request.now)
            })
        });
        // A job that was leased anew until the very same instant is listed twice, and recovered once.
        let mut seen = HashSet::new();
        let orphans = orphans.map(|(_, id)| id).filter(|id| seen.insert(*id));
        let orphans: Vec<JobId> = orphans.take(request.limit).collect();
        let mut random = fastrand::Rng::with_seed(request.seed);
        let mut wakeup: Option<DateTime<Utc>> = None;
        for id in orphans {
            let Some(entry) = self.jobs.get_mut(&id) else { continue };
            let release = entry.job.recover(request.now, random.f64());
            let freed = self.end_claim(id, release, request.now, EventInterest::ALL, events);
            wakeup = wakeup.into_iter().chain(freed.wakeup(request.now)).min();
        }
        events.extend(wakeup.map(|at| Wakeup::jobs(at).into()));
    }

    // ----- users -----

    /// Asks for a job's end: at once if it is queued, by its worker if it runs.
    pub(super) fn cancel(&mut self, id: JobId, now: DateTime<Utc>, events: &mut Vec<Event>) {
        let Some(entry) = self.jobs.get_mut(&id) else { return };
        let job = &mut entry.job;
        match CancelStep::of(job.state(), job.cancel) {
            CancelStep::AskWorker => {
                job.cancel = CancelRequest::Requested;
                events.push(crate::event::JobCancelRequested::new(id).into());
            }
            CancelStep::End => {
                let end = FinishedAttempt::without_run(JobOutcome::Cancelled, now);
                self.finish(id, end, None, EventInterest::ALL, events);
            }
            CancelStep::Nothing => {}
        }
    }

    pub(super) fn cancel_requests(&self, holder: &SchedulerId) -> Vec<JobId> {
        let jobs = self.leases.jobs().filter_map(|(until, id)| Some((until, &self.jobs.get(&id)?.job)));
        let asked = jobs.filter(|(until, job)| {
            job.cancel == CancelRequest::Requested
                && job.lease.as_ref().is_some_and(|lease| lease.holder == *holder && lease.until == *until)
        });
        let mut asked: Vec<JobId> = asked.map(|(_, job)| job.id).collect();
        asked.sort_unstable();
        asked.dedup(); // a job that was leased anew until the very same instant is listed twice
        asked
    }

    pub(super) fn of_schedule(&self, schedule: &ScheduleId) -> &[JobId] {
        self.by_schedule.get(schedule).map_or(&[], Vec::as_slice)
    }

    pub(super) fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id).map(|entry| &entry.job)
    }

    pub(super) fn result(&self, id: JobId) -> Option<&JobResult> {
        self.results.get(&id)
    }

    pub(super) fn list(&self, filter: &JobFilter) -> Vec<Job> {
        let mut jobs: Vec<&Job> =
            self.jobs.values().map(|entry| &entry.job).filter(|job| filter.admits(job)).collect();
        jobs.sort_unstable_by_key(|job| job.id);
        jobs.into_iter().take(filter.limit.unwrap_or(usize::MAX)).cloned().collect()
    }

    pub(super) fn remove_expired_results(&mut self, now: DateTime<Utc>) {
        while let Some((_, id)) = self.expiries.first().filter(|(expires_at, _)| *expires_at <= now).copied()
        {
            self.expiries.pop_first();
            self.results.remove(&id);
        }
    }
}

/// Whether a job still waits at this place: it is there, nobody holds it, and the place is its own.
fn is_queued(jobs: &JobIdMap<Box<Entry>>, place: ClaimOrder) -> bool {
    let job = jobs.get(&place.job_id()).map(|entry| &entry.job);
    job.is_some_and(|job| job.lease.is_none() && ClaimOrder::of(job) == place)
}

/// What the end of a claim makes possible.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Freed {
    /// Another job of the task had no slot until now.
    slot: bool,
    /// The job itself is queued for this instant.
    queued_at: Option<DateTime<Utc>>,
}

impl Freed {
    /// When there is something to acquire.
    pub(super) fn wakeup(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.slot { Some(now) } else { self.queued_at }
    }
}
