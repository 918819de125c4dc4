//! Jobs: one request to run a task, from the queue to its outcome.
//!
//! | question | file |
//! |---|---|
//! | which states are there? | [`state`](JobState) |
//! | which may I take now? | [`admission`] |
//! | retry or give up? | [`retry`] |
//! | how does it go on when a claim on it ends? | [`claim_end`](ClaimEnd) |
//! | how did it end, what is kept? | [`JobOutcome`], [`JobResult`] |
//!
//! # The life of a job
//!
//! 1. **Added**, by a user or by the [plan](crate::schedule::plan) of a schedule, with every setting decided ([`JobSettings`]). From
//!    then on it is *queued*.
//! 2. **Acquired** when [`admission`] says so: it is due, the scheduler knows its task and executor, and its task has a free slot.
//!    The claim is a lease with a new token, and uses an attempt. From then on it is *running*, and its lease is renewed.
//! 3. **Run.** The executor looks at the start deadline once more ([`Job::has_missed_start_deadline`]) and calls the handler. What
//!    comes of it is a [`JobReport`]: a value, an error, a timeout, a cancel, an interruption.
//! 4. **Released.** [`Attempt::release`] asks [`retry::after_attempt`] what follows: the job ends with a [`JobOutcome`], or is queued
//!    again after a delay. The store writes it if the claim still holds; who lost it writes nothing.
//! 5. **Cancelled** at any time: a queued job ends at once; a running one is marked, its worker tells the handler, and the
//!    attempt ends in step 3. **Timed out** likewise, by the job's own setting.
//! 6. **Abandoned** by a worker that vanished: when the lease has expired, whoever notices takes the job back by
//!    [`Release::recover`], under the rule of step 4. A worker that comes back finds another token and is refused.
//! 7. **Ended.** What is left is its [`JobResult`], as long as its settings keep it.

pub mod admission;
mod claim_end;
mod outcome;
mod release;
mod result;
pub mod retry;
mod state;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use admission::{Abilities, ClaimOrder, Slots};
pub use claim_end::{CancelStep, ClaimEnd};
pub use outcome::{JobOutcome, UnknownOutcome};
pub use release::{Attempt, FinishedAttempt, JobRelease, JobReport, Release};
pub use result::{ErrorChain, JobResult};
pub use retry::{AfterAttempt, AttemptEnd, Retry, RetryAdvice};
pub use state::{JobState, JobStep, StepRefused};

use crate::id::{ExecutorName, JobId, ScheduleId, SchedulerId, TaskId};
use crate::lease::{Lease, LeaseToken};
use crate::metadata::Metadata;
use crate::payload::Payload;
use crate::schedule::{ScheduleSettings, has_missed};
use crate::task::{RunSettings, TaskDefinition};

/// One request to run a task.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name, made by whoever added it.
    pub id: JobId,
    /// What to run.
    pub task_id: TaskId,
    /// The schedule that made it; `None` for a direct job.
    pub schedule_id: Option<ScheduleId>,
    /// What the handler is given.
    pub payload: Payload,
    /// How it runs; decided when the job was made, shared with its siblings.
    pub settings: Arc<JobSettings>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The fire time it stands for; `None` for a direct job and for a schedule that was run by hand.
    pub fire_time: Option<DateTime<Utc>>,
    /// Earliest start: the fire time with its jitter, the user's delay, or the end of a backoff.
    pub run_at: DateTime<Utc>,
    /// Latest first start. `None`: never too late. Cleared once an attempt has been made.
    pub start_deadline: Option<DateTime<Utc>>,
    /// Attempts that count, the running one included.
    pub attempt: u32,
    /// What the handler last reported.
    pub progress: Option<Progress>,
    /// Whether the job is to stop.
    pub cancel: CancelRequest,
    /// Number of the last claim; grows with each.
    pub token: LeaseToken,
    /// Who runs it. `None`: queued.
    pub lease: Option<Lease>,
}

impl Job {
    /// A direct job as it is added at `now`: due at once, never too late, not attempted yet.
    ///
    /// Whoever makes another kind of job changes fields of this one.
    #[must_use]
    pub fn new(
        id: JobId,
        task_id: TaskId,
        payload: Payload,
        settings: Arc<JobSettings>,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            task_id,
            schedule_id: None,
            payload,
            settings,
            created_at: now,
            fire_time: None,
            run_at: now,
            start_deadline: None,
            attempt: 0,
            progress: None,
            cancel: CancelRequest::None,
            token: LeaseToken::default(),
            lease: None,
        }
    }

    /// Where the job stands.
    #[must_use]
    pub const fn state(&self) -> JobState {
        if self.lease.is_some() { JobState::Running } else { JobState::Queued }
    }

    /// Gives the job to `holder` until `until`, under a new token: its next attempt.
    pub fn acquire(&mut self, holder: SchedulerId, until: DateTime<Utc>) {
        self.token = self.token.next();
        self.attempt += 1;
        self.lease = Some(Lease { holder, token: self.token, until });
    }

    /// Takes the job back into the queue for `run_at`, after an attempt: its deadline was for the first start.
    pub fn run_again(&mut self, run_at: DateTime<Utc>, attempt: u32) {
        self.lease = None;
        self.run_at = run_at;
        self.attempt = attempt;
        self.start_deadline = None;
        self.progress = None;
    }

    /// Takes the job back into the queue as it was before it was acquired.
    pub fn hand_back(&mut self) {
        self.lease = None;
        self.attempt = self.attempt.saturating_sub(1);
        self.progress = None;
    }

    /// Whether the job waits at `now` though it can no longer start in time: it ends as missed without waiting for a slot.
    #[must_use]
    pub fn is_to_end_as_missed(&self, now: DateTime<Utc>) -> bool {
        self.lease.is_none() && self.has_missed_start_deadline(now)
    }

    /// Whether the start deadline has passed at `now`, so that the job must not start.
    ///
    /// Asked again by the executor after waiting for a free thread.
    #[must_use]
    pub fn has_missed_start_deadline(&self, now: DateTime<Utc>) -> bool {
        self.start_deadline.is_some_and(|deadline| has_missed(deadline, now))
    }
}

/// Whether a job has been asked to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CancelRequest {
    /// Nobody asked.
    #[default]
    None,
    /// The worker is to stop it.
    Requested,
}

/// How a job runs: every setting decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobSettings {
    /// Executor that runs it.
    pub job_executor: ExecutorName,
    /// Whether and when it is tried again.
    pub retry: Retry,
    /// Longest time one attempt may take. `None`: no limit.
    pub timeout: Option<Duration>,
    /// Higher is started first.
    pub priority: i32,
    /// How long the result is kept after the end. Zero: not kept.
    pub result_expiration_time: Duration,
    /// What the user attached, merged over the schedule's and the task's.
    pub metadata: Metadata,
}

impl JobSettings {
    /// Settings of a direct job: what the job says, else its task.
    #[must_use]
    pub fn of_direct(job: RunSettings, result_expiration_time: Duration, task: &TaskDefinition) -> Self {
        Self {
            job_executor: job.job_executor.unwrap_or(task.job_executor.clone()),
            retry: job.retry.unwrap_or(task.retry),
            timeout: job.timeout.unwrap_or(task.timeout),
            priority: job.priority.unwrap_or(task.priority),
            result_expiration_time,
            metadata: job.metadata.merged_over(&task.metadata),
        }
    }

    /// Settings of a scheduled job: what the schedule says, else its task.
    #[must_use]
    pub fn of_scheduled(schedule: &ScheduleSettings, task: &TaskDefinition) -> Self {
        Self::of_direct(schedule.run.clone(), schedule.result_expiration_time, task)
    }
}

/// How far a running job is, in the handler's own words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Part that is done, 0 to 1.
    pub fraction: f32,
    /// What is being done; at most 1,024 bytes are kept.
    pub message: String,
}

impl Progress {
    /// Most bytes of [`Progress::message`].
    pub const MAX_MESSAGE_BYTES: usize = 1024;

    /// Progress with its bounds kept: the fraction is clamped to 0…1 (not a number: 0), the message cut.
    #[must_use]
    pub fn new(fraction: f32, message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.truncate(message.floor_char_boundary(Self::MAX_MESSAGE_BYTES));
        Self { fraction: if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) }, message }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} % {}", self.fraction * 100.0, self.message)
    }
}

/// What is known of a job at the moment.
#[derive(Clone, Debug)]
pub enum JobStatus {
    /// It waits or runs.
    Active(Box<Job>),
    /// It has ended, and its result is kept.
    Finished(Box<JobResult>),
    /// No such job: never added, or ended without a kept result.
    Unknown,
}
