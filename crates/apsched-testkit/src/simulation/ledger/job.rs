//! One job: who holds it, how often it started, how it may end.

use std::fmt;

use chrono::{DateTime, Utc};

use apsched_core::job::{JobRelease, Release};
use apsched_core::lease::LeaseToken;
use apsched_core::store::AcquireJobs;
use apsched_core::{AttemptEnd, Job, JobOutcome, RetryAdvice, instant};

use super::Held;
use crate::simulation::breach::{Check, Checked, ensure};

/// What is known of a job.
#[derive(Debug)]
pub(in crate::simulation) struct JobEntry {
    /// As it was made.
    pub(in crate::simulation) job: Job,
    /// When it was certain to run or to have an outcome. `None`: it was planned, and must not be in the store.
    pub(in crate::simulation) committed_at: Option<DateTime<Utc>>,
    pub(in crate::simulation) held: Option<Held>,
    pub(in crate::simulation) outcome: Option<JobOutcome>,
    /// Whether its task had no limit when it was made.
    pub(super) has_room: bool,
    pub(super) token: LeaseToken,
    /// Earliest start of the next attempt.
    pub(super) run_at: DateTime<Utc>,
    /// When it was queued last.
    pub(super) queued_at: DateTime<Utc>,
    pub(super) is_cancelled: bool,
    pub(super) starts: u32,
    pub(super) snoozes: u32,
    /// Claims that count as attempts.
    pub(super) claims: u32,
    /// Claims under which a handler was started, and how it ended.
    pub(super) attempts: Vec<(LeaseToken, Option<AttemptEnd>)>,
}

impl JobEntry {
    pub(super) fn max_attempts(&self) -> u32 {
        self.job.settings.retry.max_attempts.max(1)
    }
}

impl fmt::Display for JobEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {} of {}", self.job.id, self.job.task_id)?;
        if let (Some(schedule), Some(fire_time)) = (&self.job.schedule_id, self.job.fire_time) {
            write!(f, " (schedule {schedule} at {})", fire_time.format("%T%.6f"))?;
        }
        Ok(())
    }
}

impl JobEntry {
    pub(super) fn acquired(&mut self, request: &AcquireJobs, job: &Job) -> Checked {
        ensure(self.committed_at.is_some(), Check::OneJobPerFireTime, || {
            format!("{self} was given out, but was never written")
        })?;
        ensure(self.outcome.is_none(), Check::OutcomeIsTrue, || {
            format!("{self} ended as {:?}, and was given out again", self.outcome)
        })?;
        ensure(!self.is_cancelled, Check::CancelHolds, || format!("{self} is cancelled, and was given out"))?;
        ensure(self.held.is_none(), Check::LeaseIsExclusive, || {
            format!("{self} was given to {} while {:?} held it", request.scheduler_id, self.held)
        })?;
        ensure(self.run_at <= request.now, Check::NeverTooEarly, || {
            format!("{self} was given out at {}, it is due at {}", request.now, self.run_at)
        })?;
        ensure(job.token > self.token, Check::NoStaleWrite, || {
            format!("{self} was given out under token {:?}, the last was {:?}", job.token, self.token)
        })?;
        let abilities = &request.abilities;
        let is_able =
            abilities.knows_task(&job.task_id) && abilities.knows_executor(&job.settings.job_executor);
        ensure(is_able, Check::NothingBadSpreads, || {
            format!("{self} was given to a node that cannot run it")
        })?;
        let until = instant::after(request.now, request.lease);
        let expected = Held { holder: request.scheduler_id.clone(), token: job.token, until };
        ensure(job.lease.as_ref().is_some_and(|lease| expected.is(lease)), Check::LeaseIsExclusive, || {
            format!("{self} was given out under {:?}, expected {expected:?}", job.lease)
        })?;
        self.claims += 1;
        ensure(job.attempt == self.claims, Check::NoExtraStart, || {
            format!("{self} was given out for attempt {}, expected {}", job.attempt, self.claims)
        })?;
        self.held = Some(expected);
        self.token = job.token;
        Ok(())
    }

    /// A release that must be accepted: it has to say what the attempt said.
    pub(super) fn released(&mut self, release: &JobRelease, now: DateTime<Utc>) -> Checked {
        let attempt = self.attempts.iter().find(|(token, _)| *token == release.token);
        let fits = match (attempt, &release.release) {
            (None, Release::HandBack) => true,
            (Some((_, Some(end))), release) => self.follows(*end, release),
            _ => false,
        };
        ensure(fits, Check::OutcomeIsTrue, || {
            format!("{self} is released as {:?}, its attempt was {attempt:?}", release.release)
        })?;
        if let Some((_, Some(AttemptEnd::Failed(RetryAdvice::Snooze(_))))) = attempt {
            self.snoozes += 1;
            self.claims -= 1;
        }
        if matches!(release.release, Release::HandBack) {
            self.claims -= 1;
        }
        if let Release::RunAgain { run_at, .. } = release.release {
            self.run_at = run_at;
        }
        self.queued_at = self.run_at.max(now);
        self.held = None;
        Ok(())
    }

    /// Whether `release` is what follows from `end`, by the table of the retry rule.
    fn follows(&self, end: AttemptEnd, release: &Release) -> bool {
        use JobOutcome as Outcome;
        let (is_final, outcome) = match end {
            AttemptEnd::Succeeded => (true, Outcome::Success),
            AttemptEnd::Cancelled => (true, Outcome::Cancelled),
            AttemptEnd::MissedStartDeadline => (true, Outcome::MissedStartDeadline),
            AttemptEnd::DeserializationFailed => (true, Outcome::DeserializationFailed),
            AttemptEnd::Failed(RetryAdvice::Fatal) => (true, Outcome::Error),
            AttemptEnd::Failed(RetryAdvice::Snooze(_)) => return matches!(release, Release::RunAgain { .. }),
            AttemptEnd::Failed(_) => (false, Outcome::Error),
            AttemptEnd::TimedOut => (false, Outcome::TimedOut),
            AttemptEnd::WorkerVanished => (false, Outcome::Abandoned),
            AttemptEnd::Interrupted => (false, Outcome::Cancelled),
        };
        match release {
            Release::Finish(finished) => finished.outcome == outcome,
            Release::RunAgain { attempt, .. } => !is_final && *attempt < self.max_attempts(),
            Release::HandBack => false,
        }
    }
}
