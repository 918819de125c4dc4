//! What a store is asked and what it answers, where more than one value belongs together.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::event::{Event, EventInterest};
use crate::id::{JobId, JobIdMap, ScheduleId, SchedulerId, TaskId};
use crate::job::{Abilities, JobRelease};
use crate::lease::{Lease, LeaseToken};
use crate::schedule::{Schedule, ScheduleRelease};
use crate::task::TaskDefinition;

/// A request for schedules that are due.
#[derive(Clone, Debug)]
pub struct AcquireSchedules {
    /// Who acquires.
    pub scheduler_id: SchedulerId,
    /// The caller's time.
    pub now: DateTime<Utc>,
    /// Life of the leases.
    pub lease: Duration,
    /// Most schedules to acquire. Zero: none.
    pub limit: usize,
}

/// A schedule that was acquired, with what its jobs inherit.
#[derive(Clone, Debug)]
pub struct ClaimedSchedule {
    /// The schedule, with its lease.
    pub schedule: Schedule,
    /// Its task as stored. `None`: not declared; the defaults hold.
    pub task: Option<Arc<TaskDefinition>>,
}

/// What became of acquired schedules.
#[derive(Clone, Debug)]
pub struct ReleaseSchedules {
    /// Who acquired them.
    pub scheduler_id: SchedulerId,
    /// The caller's time.
    pub now: DateTime<Utc>,
    /// What is to be written, one schedule each.
    pub releases: Arc<Vec<ScheduleRelease>>,
    /// Events that somebody listens to; others need not be built.
    pub interest: EventInterest,
}

/// The answer to a release.
#[derive(Clone, Debug)]
pub struct Released<Id> {
    /// What it caused.
    pub events: Vec<Event>,
    /// What was not written, because the caller's claim no longer held.
    pub lost: Vec<Id>,
}

impl<Id> Default for Released<Id> {
    fn default() -> Self {
        Self { events: Vec::new(), lost: Vec::new() }
    }
}

/// A request for jobs that are due.
#[derive(Clone, Debug)]
pub struct AcquireJobs {
    /// Who acquires.
    pub scheduler_id: SchedulerId,
    /// The caller's time.
    pub now: DateTime<Utc>,
    /// Life of the leases.
    pub lease: Duration,
    /// Most jobs to acquire. Zero: none.
    pub limit: usize,
    /// What the caller can run.
    pub abilities: Arc<Abilities>,
    /// Events that somebody listens to; others need not be built.
    pub interest: EventInterest,
}

/// One claim on a job, as its holder names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldJob {
    /// The job.
    pub job_id: JobId,
    /// The number of the claim.
    pub token: LeaseToken,
}

impl HeldJob {
    /// The claim on `job_id` with this token.
    #[must_use]
    pub const fn new(job_id: JobId, token: LeaseToken) -> Self {
        Self { job_id, token }
    }
}

/// The last of the claims that were collected, on each job.
///
/// Tokens grow with each claim. So of a job that was acquired anew, before the end of an earlier claim was written, only the new
/// claim can hold.
///
/// ```
/// use apsched_core::store::{HeldJob, LastClaims};
/// use apsched_core::{JobId, LeaseToken};
///
/// let job: JobId = "019b76da-a800-7000-8000-000000000001".parse().expect("a UUID");
/// let [once, again] = [1, 3].map(|token| HeldJob::new(job, LeaseToken::new(token)));
/// let last: LastClaims = [again, once].into_iter().collect();
/// assert!(last.contains(again) && !last.contains(once));
/// ```
#[derive(Clone, Debug, Default)]
pub struct LastClaims(JobIdMap<LeaseToken>);

impl LastClaims {
    /// Whether there is no later claim on the same job.
    #[must_use]
    pub fn contains(&self, claim: HeldJob) -> bool {
        self.0.get(&claim.job_id) == Some(&claim.token)
    }
}

impl FromIterator<HeldJob> for LastClaims {
    fn from_iter<I: IntoIterator<Item = HeldJob>>(claims: I) -> Self {
        let mut last: JobIdMap<LeaseToken> = JobIdMap::default();
        for HeldJob { job_id, token } in claims {
            last.entry(job_id).and_modify(|last| *last = (*last).max(token)).or_insert(token);
        }
        Self(last)
    }
}

/// Leases to prolong.
#[derive(Clone, Debug)]
pub struct ExtendLeases {
    /// Who holds them.
    pub scheduler_id: SchedulerId,
    /// The caller's time.
    pub now: DateTime<Utc>,
    /// Life of the leases from now.
    pub lease: Duration,
    /// The claims.
    pub jobs: Vec<HeldJob>,
}

/// What became of leases that were to be prolonged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseReport {
    /// Jobs that another scheduler took, or that are gone.
    pub lost: Vec<JobId>,
    /// Jobs that are still held and asked to stop.
    pub cancelled: Vec<JobId>,
}

/// How claims on jobs ended.
#[derive(Clone, Debug)]
pub struct ReleaseJobs {
    /// Who held them.
    pub scheduler_id: SchedulerId,
    /// The caller's time.
    pub now: DateTime<Utc>,
    /// What is to be written, one job each.
    pub releases: Arc<Vec<JobRelease>>,
    /// Events that somebody listens to; others need not be built.
    pub interest: EventInterest,
}

/// Claims whose holder vanished.
#[derive(Clone, Debug)]
pub struct Recover {
    /// Who looks.
    pub scheduler_id: SchedulerId,
    /// The caller's time.
    pub now: DateTime<Utc>,
    /// Whose claims count as orphaned.
    pub scope: RecoverScope,
    /// Most jobs to recover.
    pub limit: usize,
    /// Seed of the randomness that spreads backoffs.
    pub seed: u64,
}

/// Whose claims count as orphaned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecoverScope {
    /// Those whose lease has expired.
    #[default]
    Expired,
    /// Those, and all of earlier runs under the caller's name: asked once, at start, since one name is one process.
    ExpiredAndPredecessors,
}

impl RecoverScope {
    /// Whether the work under `lease` has lost its worker, as `observer` sees it at `now`.
    #[must_use]
    pub fn covers(self, lease: &Lease, observer: &SchedulerId, now: DateTime<Utc>) -> bool {
        lease.is_expired(now)
            || (self == Self::ExpiredAndPredecessors && observer.is_other_run_of(&lease.holder))
    }
}

/// Who asks when there will be something to do.
#[derive(Clone, Debug)]
pub struct WakeupQuery {
    /// Who asks.
    pub scheduler_id: SchedulerId,
    /// The caller's time.
    pub now: DateTime<Utc>,
    /// What the caller can run.
    pub abilities: Arc<Abilities>,
}

/// When there will be something to do. `None`: not as things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wakeups {
    /// A schedule can be claimed.
    pub schedule: Option<DateTime<Utc>>,
    /// A job can be claimed.
    pub job: Option<DateTime<Utc>>,
    /// A lease on a job ends, or a queued job has missed its start deadline: there is something to recover.
    pub lease: Option<DateTime<Utc>>,
}

/// What becomes of the jobs of a schedule that is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemoveJobs {
    /// They go on.
    #[default]
    Keep,
    /// Queued ones end as cancelled, running ones are asked to stop.
    Cancel,
}

/// Which schedules to list. Every condition that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleFilter {
    /// Only schedules of this task.
    pub task_id: Option<TaskId>,
    /// Only schedules in a state of this word (`active`, `paused`, `finished`, `quarantined`).
    pub state: Option<&'static str>,
    /// At most this many. `None`: all.
    pub limit: Option<usize>,
}

impl ScheduleFilter {
    /// Whether the filter lets the schedule through, its limit aside.
    #[must_use]
    pub fn admits(&self, schedule: &Schedule) -> bool {
        self.task_id.as_ref().is_none_or(|task| *task == schedule.task_id)
            && self.state.is_none_or(|state| state == schedule.state.as_str())
    }
}

/// Which jobs to list. Every condition that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only jobs of this task.
    pub task_id: Option<TaskId>,
    /// Only jobs of this schedule.
    pub schedule_id: Option<ScheduleId>,
    /// Only jobs that a scheduler holds, or only those that none does.
    pub state: Option<crate::job::JobState>,
    /// At most this many. `None`: all.
    pub limit: Option<usize>,
}

impl JobFilter {
    /// Whether the filter lets the job through, its limit aside.
    #[must_use]
    pub fn admits(&self, job: &crate::job::Job) -> bool {
        self.task_id.as_ref().is_none_or(|task| *task == job.task_id)
            && self.schedule_id.as_ref().is_none_or(|schedule| job.schedule_id.as_ref() == Some(schedule))
            && self.state.is_none_or(|state| state == job.state())
    }
}
