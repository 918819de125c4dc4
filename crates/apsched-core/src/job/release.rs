//! How a worker reports an attempt, and what a store is told to write.
//!
//! The worker says what happened ([`JobReport`]); the rule in [`retry`](super::retry) decides what follows; the store
//! is handed the decision ([`JobRelease`]) and only writes it, if holder and token still match.

use chrono::{DateTime, Utc};

use super::retry::{self, AfterAttempt, AttemptEnd, Retry};
use super::{CancelRequest, ErrorChain, Job, JobOutcome, JobResult};
use crate::id::JobId;
use crate::instant;
use crate::lease::LeaseToken;
use crate::payload::Payload;

/// What happened in one attempt.
#[derive(Clone, Debug)]
pub struct JobReport {
    /// How the attempt ended.
    pub end: AttemptEnd,
    /// What the handler returned, if it did and the result is kept.
    pub value: Option<Payload>,
    /// Why it failed, if it did.
    pub error: Option<ErrorChain>,
    /// When the handler was called. `None`: it was not.
    pub started_at: Option<DateTime<Utc>>,
    /// When the attempt ended.
    pub finished_at: DateTime<Utc>,
}

/// The end of one claim on a job, to be written if `token` still holds.
#[derive(Clone, Debug)]
pub struct JobRelease {
    /// The job.
    pub job_id: JobId,
    /// The claim under which it was run.
    pub token: LeaseToken,
    /// What follows.
    pub release: Release,
}

/// What follows for a job that is released.
#[derive(Clone, Debug)]
pub enum Release {
    /// The job ends and leaves the queue; its result is kept while it has not expired.
    Finish(FinishedAttempt),
    /// An attempt was made and another is to follow: the start deadline is cleared.
    RunAgain {
        /// Earliest start of the next attempt.
        run_at: DateTime<Utc>,
        /// Attempts that count so far.
        attempt: u32,
    },
    /// No attempt was made: the job goes back as it was before the claim.
    HandBack,
}

/// How a job ended.
#[derive(Clone, Debug)]
pub struct FinishedAttempt {
    /// The job's outcome.
    pub outcome: JobOutcome,
    /// What the handler returned.
    pub value: Option<Payload>,
    /// Why it failed.
    pub error: Option<ErrorChain>,
    /// Start of the last attempt. `None`: it never ran.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
}

impl FinishedAttempt {
    /// An end without a run: skipped, cancelled in the queue, abandoned.
    #[must_use]
    pub const fn without_run(outcome: JobOutcome, now: DateTime<Utc>) -> Self {
        Self { outcome, value: None, error: None, started_at: None, finished_at: now }
    }

    /// What is kept of `job` after this end. `None` when its settings keep nothing.
    #[must_use]
    pub fn into_result(self, job: &Job) -> Option<JobResult> {
        let kept = job.settings.result_expiration_time;
        if kept.is_zero() {
            return None;
        }
        Some(JobResult {
            job_id: job.id,
            task_id: job.task_id.clone(),
            schedule_id: job.schedule_id.clone(),
            fire_time: job.fire_time,
            outcome: self.outcome,
            value: self.value,
            error: self.error,
            attempt: job.attempt,
            started_at: self.started_at,
            expires_at: instant::after(self.finished_at, kept),
            finished_at: self.finished_at,
        })
    }
}

/// What the retry rule needs to know of a job that is being attempted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt {
    /// The claim under which it runs.
    pub token: LeaseToken,
    /// Its number, from 1.
    pub number: u32,
    /// How often the job is attempted.
    pub retry: Retry,
}

impl Attempt {
    /// The attempt that a claim on `job` is for.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        Self { token: job.token, number: job.attempt, retry: job.settings.retry }
    }

    /// Decides what follows after what `report` says.
    ///
    /// `random` is uniform in `[0, 1)`; it spreads the backoff.
    #[must_use]
    pub fn release(&self, report: JobReport, random: f64) -> Release {
        let now = report.finished_at;
        match retry::after_attempt(self.retry, self.number, report.end, now, random) {
            AfterAttempt::RunAgain { run_at, attempt } => Release::RunAgain { run_at, attempt },
            AfterAttempt::Finish(outcome) => Release::Finish(FinishedAttempt {
                outcome,
                value: report.value,
                error: report.error,
                started_at: report.started_at,
                finished_at: now,
            }),
        }
    }
}

impl Release {
    /// What is written for a job that may have been asked to stop: it ends as cancelled instead of being queued again.
    ///
    /// ```
    /// use apsched_core::{CancelRequest, JobOutcome, job::Release};
    /// use chrono::{DateTime, Utc};
    ///
    /// let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse()?;
    /// assert!(matches!(Release::HandBack.heeding(CancelRequest::None, now), Release::HandBack));
    /// let Release::Finish(end) = Release::HandBack.heeding(CancelRequest::Requested, now) else { panic!() };
    /// assert_eq!(end.outcome, JobOutcome::Cancelled);
    /// # Ok::<(), chrono::ParseError>(())
    /// ```
    #[must_use]
    pub fn heeding(self, cancel: CancelRequest, now: DateTime<Utc>) -> Self {
        match (self, cancel) {
            (Self::RunAgain { .. } | Self::HandBack, CancelRequest::Requested) => {
                Self::Finish(FinishedAttempt::without_run(JobOutcome::Cancelled, now))
            }
            (release, _) => release,
        }
    }

    /// Decides what follows for a job whose worker vanished, as a store does when it recovers one.
    ///
    /// A cancel request that the worker had not answered is answered now.
    #[must_use]
    pub fn recover(job: &Job, now: DateTime<Utc>, random: f64) -> Self {
        let end = match job.cancel {
            CancelRequest::Requested => AttemptEnd::Cancelled,
            CancelRequest::None => AttemptEnd::WorkerVanished,
        };
        let error = Some(ErrorChain::new(["the scheduler that ran the job vanished".to_owned()]));
        let report = JobReport { end, value: None, error, started_at: None, finished_at: now };
        Attempt::of(job).release(report, random)
    }
}
