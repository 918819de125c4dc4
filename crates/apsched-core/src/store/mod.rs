//! The data store contract: who keeps tasks, schedules, jobs and results, and what a claim means.
//!
//! A store decides nothing. Each rule is a pure function of this crate ([`schedule`](crate::schedule),
//! [`job`](crate::job), [`lease`](crate::lease)); a store calls it inside the transaction that writes. Stores read no
//! clock: every call carries `now`. A store reports what a mutation caused as [`Event`]s; the scheduler publishes
//! them after the commit, so a store needs no broker.
//!
//! Whether a store keeps the contract is checked by `apsched-testkit`, one named case for each *Behavior* bullet below.

mod error;
pub mod memory;
mod request;
#[cfg(feature = "scheduler")]
mod retrying;
mod strangers;
mod transaction;

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

pub use error::StoreError;
pub use memory::MemoryStore;
pub use request::{
    AcquireJobs, AcquireSchedules, ClaimedSchedule, ExtendLeases, HeldJob, JobFilter, LastClaims,
    LeaseReport, Recover, RecoverScope, ReleaseJobs, ReleaseSchedules, Released, RemoveJobs, ScheduleFilter,
    WakeupQuery, Wakeups,
};
#[cfg(feature = "scheduler")]
pub use retrying::Retrying;
pub use strangers::Strangers;
pub use transaction::StoreTransaction;

use crate::event::{Event, EventInterest};
use crate::id::{JobId, ScheduleId, SchedulerId, TaskId};
use crate::job::{Job, JobResult, JobStatus, Progress};
use crate::payload::PayloadForm;
use crate::schedule::{ConflictPolicy, Schedule, ScheduleEdit};
use crate::task::TaskDefinition;
use crate::trigger::TriggerRegistry;

/// What stores answer.
pub type StoreResult<T> = Result<T, StoreError>;

/// Keeps tasks, schedules, jobs and results, for one scheduler or for fifty.
///
/// Every method is atomic: it is done as a whole or not at all, and no other call sees half of it. Dropping a method's
/// future leaves the store consistent: the operation happened or did not. Unless said otherwise a method fails with
/// [`StoreError::Unavailable`] when the store cannot be reached. The call may have been done all the same, and its answer
/// lost: *Idempotence* says what calling again does then.
///
/// A handle can be used in several runtimes: one that stands still, or has ended, holds up no other. Connections that the user
/// made, and has given to the store, are as independent of a runtime as their library makes them.
#[async_trait]
pub trait DataStore: fmt::Debug + Send + Sync + 'static {
    /// Makes the store ready: connects, brings the schema up to date. Called before every other method.
    ///
    /// *Behavior*
    /// - a second call does nothing, from this process or another
    /// - custom triggers that are read later are bound by `registry`, and by those of earlier starts of the same handle
    ///
    /// *Errors*: [`StoreError::Misconfigured`] when the store can never work as it is.
    async fn start(&self, registry: &TriggerRegistry) -> StoreResult<()>;

    /// The form in which payloads are handed to this store.
    fn payload_form(&self) -> PayloadForm;

    /// The time of the store's server, for schedulers to agree on. `None`: the store has no clock of its own.
    async fn server_time(&self) -> StoreResult<Option<DateTime<Utc>>>;

    // ----- tasks -----

    /// Declares tasks.
    ///
    /// *Behavior*
    /// - a task that is not known is added ([`TaskAdded`](crate::event::TaskAdded))
    /// - a known one gets the new settings, if they differ ([`TaskUpdated`](crate::event::TaskUpdated))
    /// - settings that are equal cause no event
    /// - a change is followed by one [`Wakeup`](crate::event::Wakeup): a higher limit lets waiting jobs start
    ///
    /// *Idempotence*: a repeated call changes nothing.
    async fn put_tasks(&self, tasks: Vec<TaskDefinition>) -> StoreResult<Vec<Event>>;

    /// Forgets a task; its schedules and jobs stay.
    ///
    /// *Behavior*
    /// - a known task is removed ([`TaskRemoved`](crate::event::TaskRemoved))
    /// - an unknown one causes no event and no error
    /// - until it is declared again, its jobs run one at a time
    async fn remove_task(&self, id: &TaskId) -> StoreResult<Vec<Event>>;

    /// All tasks, ordered by id.
    async fn tasks(&self) -> StoreResult<Vec<TaskDefinition>>;

    /// One task. `None`: not declared.
    async fn task(&self, id: &TaskId) -> StoreResult<Option<TaskDefinition>>;

    // ----- schedules, for users -----

    /// Adds a schedule.
    ///
    /// *Behavior*
    /// - what happens when the id is taken is decided by [`decide_add`](crate::schedule::decide_add)
    /// - of two who add it at once one does, and the other finds the id taken
    /// - a claim in flight on an overwritten schedule is void
    /// - [`ScheduleAdded`](crate::event::ScheduleAdded) or [`ScheduleUpdated`](crate::event::ScheduleUpdated), and a
    ///   [`Wakeup`](crate::event::Wakeup) if it can be acquired some time
    ///
    /// *Idempotence*: by `policy`; a repeated call with [`ConflictPolicy::Error`] fails.
    ///
    /// *Errors*: [`StoreError::ScheduleExists`] by [`ConflictPolicy::Error`].
    async fn add_schedule(&self, schedule: Schedule, policy: ConflictPolicy) -> StoreResult<Vec<Event>>;

    /// Changes a schedule by [`ScheduleEdit::applied_to`].
    ///
    /// *Behavior*
    /// - the revision grows, a claim in flight is void
    /// - a trigger that fails leaves the schedule as it was
    /// - [`ScheduleUpdated`](crate::event::ScheduleUpdated), and a [`Wakeup`](crate::event::Wakeup) if it can be
    ///   acquired some time
    ///
    /// *Idempotence*: a repeated call makes one more revision, and changes nothing else.
    ///
    /// *Errors*: [`StoreError::ScheduleNotFound`]; [`StoreError::Trigger`] when the edit cannot be planned;
    /// [`StoreError::Unreadable`] when the row cannot be decoded: replace the schedule, or remove it.
    async fn edit_schedule(
        &self,
        id: &ScheduleId,
        edit: ScheduleEdit,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>>;

    /// Removes a schedule.
    ///
    /// *Behavior*
    /// - a claim in flight is void: no job is made of it any more
    /// - [`RemoveJobs::Keep`]: its jobs go on; [`RemoveJobs::Cancel`]: queued ones end as cancelled, running ones are
    ///   asked to stop
    /// - a row that cannot be decoded is removed as well
    ///
    /// *Idempotence*: a repeated call fails, as nothing is there any more.
    ///
    /// *Errors*: [`StoreError::ScheduleNotFound`].
    async fn remove_schedule(
        &self,
        id: &ScheduleId,
        jobs: RemoveJobs,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<Event>>;

    /// One schedule. `None`: there is none.
    ///
    /// *Errors*: [`StoreError::Unreadable`] when the row cannot be decoded.
    async fn schedule(&self, id: &ScheduleId) -> StoreResult<Option<Schedule>>;

    /// The schedules that `filter` lets through, ordered by next fire time (none last), then id.
    ///
    /// *Behavior*
    /// - rows that cannot be decoded are left out
    async fn schedules(&self, filter: &ScheduleFilter) -> StoreResult<Vec<Schedule>>;

    // ----- schedules, for schedulers -----

    /// Acquires schedules that are due.
    ///
    /// *Behavior*
    /// - a schedule is given out if [`Schedule::is_claimable`]: active, due, and not in another's hands; and if the process can
    ///   plan it ([`AnyTrigger::is_known_to`](crate::trigger::AnyTrigger::is_known_to) of what it registered at its start): one
    ///   with a custom trigger that is not registered here is left, as it is, to those who know it
    /// - earliest next fire time first, then by id; at most `limit`
    /// - each has a lease of the caller until `now + lease`, with a token greater than any before
    /// - each comes with its task's settings as stored; `None` when the task is not declared
    /// - two callers never get the same schedule
    /// - a row that cannot be decoded is quarantined, told by [`ScheduleQuarantined`](crate::event::ScheduleQuarantined),
    ///   and does not hinder the others
    async fn acquire_schedules(
        &self,
        request: AcquireSchedules,
    ) -> StoreResult<(Vec<ClaimedSchedule>, Vec<Event>)>;

    /// Writes what became of acquired schedules: their jobs and their advance, each schedule as a whole.
    ///
    /// *Behavior*, for each release:
    /// - if lease, token or revision do not match, nothing of it is written and its id is in [`Released::lost`]
    /// - each job is added, skipped, or replaces earlier ones, as [`Overlap`](crate::Overlap) decides in this
    ///   transaction
    /// - last and next fire time, the number of fires and the state advance; the lease is dropped
    /// - a quarantine keeps the next fire time and sets the state
    /// - one [`Wakeup`](crate::event::Wakeup) names the earliest of the jobs and of the next fire times
    ///
    /// *Idempotence*: a repeated release finds its token gone and is reported as lost.
    async fn release_schedules(&self, request: ReleaseSchedules) -> StoreResult<Released<ScheduleId>>;

    // ----- jobs, for users -----

    /// Queues jobs.
    ///
    /// *Behavior*
    /// - a job whose id is already there is left as it is, and causes no event
    /// - one [`Wakeup`](crate::event::Wakeup) names the earliest `run_at`
    ///
    /// *Idempotence*: a repeated call adds nothing, as long as the job or its result is there.
    async fn add_jobs(&self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>>;

    /// Asks for a job's end.
    ///
    /// *Behavior*
    /// - a queued job ends as cancelled at once
    /// - a running one is marked, and its worker told by [`DataStore::cancel_requests`] and the event
    /// - a job that is not there, or was asked before, causes no event and no error
    ///
    /// *Idempotence*: a repeated call changes nothing.
    async fn cancel_job(&self, id: JobId, now: DateTime<Utc>) -> StoreResult<Vec<Event>>;

    /// What is known of a job: queued or running, ended with a kept result, or nothing.
    ///
    /// *Errors*: [`StoreError::Unreadable`] when its row, or that of its result, cannot be decoded.
    async fn job_status(&self, id: JobId) -> StoreResult<JobStatus>;

    /// The queued and running jobs that `filter` lets through, ordered by id.
    ///
    /// *Behavior*
    /// - rows that cannot be decoded are left out
    async fn jobs(&self, filter: &JobFilter) -> StoreResult<Vec<Job>>;

    /// The kept result of a job. `None`: it has not ended, or nothing is kept. Reading does not remove it.
    ///
    /// *Errors*: [`StoreError::Unreadable`] when its row cannot be decoded.
    async fn job_result(&self, id: JobId) -> StoreResult<Option<JobResult>>;

    // ----- jobs, for schedulers -----

    /// Acquires jobs that the caller can run.
    ///
    /// *Behavior*
    /// - a job is given out if it is queued, due (`run_at <= now`), and the caller knows its task and its executor
    /// - in [`ClaimOrder`](crate::job::ClaimOrder): higher priority, earlier `run_at`, smaller id; at most `limit`
    /// - never more of a task than [`free_slots`](crate::admission::free_slots) over all schedulers; a saturated task
    ///   does not stand in the way of others; a task that is not declared has one slot
    /// - a job whose lease has expired keeps its slot until it is recovered
    /// - each has a lease of the caller until `now + lease`, a token greater than any before, and one attempt more
    /// - two callers never get the same job
    /// - a row that cannot be decoded is quarantined, told by [`JobQuarantined`](crate::event::JobQuarantined), and does
    ///   not hinder the others
    async fn acquire_jobs(&self, request: AcquireJobs) -> StoreResult<(Vec<Job>, Vec<Event>)>;

    /// Prolongs leases, and tells which are lost.
    ///
    /// *Behavior*
    /// - a lease whose holder and token match is prolonged to `now + lease`, also when it has expired and nobody took it
    /// - the others are reported as lost, and nothing is written for them
    async fn extend_leases(&self, request: ExtendLeases) -> StoreResult<LeaseReport>;

    /// Writes how claims on jobs ended, each as a whole.
    ///
    /// *Behavior*, for each release:
    /// - if lease or token do not match, nothing is written and its id is in [`Released::lost`]
    /// - a job may be named twice, by claims of which only the last ([`LastClaims`]) can hold
    /// - `Finish`: the job leaves the queue, its slot is free, its result is kept as long as its settings say
    /// - `RunAgain`: the job is queued with that time and attempt; its start deadline and progress are cleared
    /// - `HandBack`: the job is queued with the attempt and deadline it had before the claim; its progress is cleared
    /// - a job that was asked to stop and would run again ends as cancelled instead
    ///
    /// *Idempotence*: a repeated release finds its token gone and is reported as lost.
    async fn release_jobs(&self, request: ReleaseJobs) -> StoreResult<Released<JobId>>;

    /// Takes back what vanished schedulers hold.
    ///
    /// *Behavior*
    /// - a job is taken back if [`RecoverScope::covers`] its lease: by default when it has expired
    /// - it is released by [`Release::recover`](crate::job::Release::recover): queued again while attempts are
    ///   left, else ended as abandoned
    /// - its token grows, so the vanished worker is refused should it come back
    /// - at most `limit` jobs, earliest end of the lease first
    /// - a queued job ends as [`MissedStartDeadline`](crate::JobOutcome::MissedStartDeadline) if
    ///   [`Job::is_to_end_as_missed`]: it does not wait for a slot that comes too late; at most `limit` again
    /// - with [`RecoverScope::ExpiredAndPredecessors`], claims of earlier runs on schedules are dropped too; expired
    ///   claims on schedules need no recovery, as they can be acquired
    async fn recover(&self, request: Recover) -> StoreResult<Vec<Event>>;

    /// The jobs in the hands of `scheduler_id` that are asked to stop.
    async fn cancel_requests(&self, scheduler_id: &SchedulerId) -> StoreResult<Vec<JobId>>;

    /// Keeps what a running job says about itself.
    ///
    /// *Behavior*
    /// - it is kept if holder and token match, else [`StoreError::LeaseLost`]
    async fn set_progress(
        &self,
        job: HeldJob,
        holder: &SchedulerId,
        progress: Progress,
    ) -> StoreResult<Vec<Event>>;

    // ----- care -----

    /// When there will be something to do for the caller, by the same predicates by which it is given out.
    ///
    /// *Behavior*
    /// - `schedule`: the earliest [`Schedule::claimable_at`] of those that the process can plan
    /// - `job`: the earliest `run_at` of queued jobs that the caller could acquire then; those of a saturated task
    ///   do not count
    /// - `lease`: the earliest end of a lease on a job, or instant at which a queued job has missed its start deadline
    async fn next_wakeup(&self, query: WakeupQuery) -> StoreResult<Wakeups>;

    /// Removes what nobody needs any more.
    ///
    /// *Behavior*
    /// - results whose `expires_at <= now`
    /// - finished schedules without a queued or running job ([`ScheduleRemoved`](crate::event::ScheduleRemoved))
    async fn cleanup(&self, now: DateTime<Utc>) -> StoreResult<Vec<Event>>;
}
