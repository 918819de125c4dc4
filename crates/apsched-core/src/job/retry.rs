//! Retry or give up? What follows from how an attempt ended. Pure: `now` and randomness are arguments.
//!
//! One rule serves a failed handler, a timeout, a shutdown and a vanished worker: each has used up the attempt, and
//! the job is queued again as long as attempts are left. A task whose work must happen at least once gives itself
//! attempts; one whose work must happen at most once keeps the default of one.
//!
//! | the attempt… | attempts left | none left |
//! |---|---|---|
//! | failed | again, after the backoff or the delay the error names | `error` |
//! | failed for good (`fatal`) | `error` | `error` |
//! | was snoozed | again, and does not count | again, and does not count |
//! | timed out | again, after the backoff | `timed_out` |
//! | lost its worker | again, after the backoff | `abandoned` |
//! | was interrupted by a shutdown | again, at once | `cancelled` |
//! | was cancelled, or lost its worker after a cancel | `cancelled` | `cancelled` |
//! | never ran (late, unreadable) | its outcome | its outcome |

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::outcome::JobOutcome;
use crate::backoff::Backoff;
use crate::instant;

/// How often a job is attempted, and how long it waits in between.
///
/// ```
/// use std::time::Duration;
/// use apsched_core::Retry;
///
/// assert_eq!(Retry::none().max_attempts, 1);
/// assert_eq!(Retry::exponential(5).max_attempts, 5);
/// assert_eq!(Retry::fixed(3, Duration::from_secs(10)).backoff.initial, Duration::from_secs(10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all, the first included. Default 1; zero counts as 1.
    pub max_attempts: u32,
    /// Delays between attempts.
    #[serde(default)]
    pub backoff: Backoff,
}

impl Default for Retry {
    fn default() -> Self {
        Self::none()
    }
}

impl Retry {
    /// One attempt: the work happens at most once.
    #[must_use]
    pub fn none() -> Self {
        Self { max_attempts: 1, backoff: Backoff::default() }
    }

    /// Up to `max_attempts`, with delays of 1 s, 2 s, 4 s … up to an hour, each up to 20 % shorter by chance.
    #[must_use]
    pub fn exponential(max_attempts: u32) -> Self {
        Self { max_attempts, backoff: Backoff::default() }
    }

    /// Up to `max_attempts`, always `delay` apart.
    #[must_use]
    pub const fn fixed(max_attempts: u32, delay: Duration) -> Self {
        Self { max_attempts, backoff: Backoff::fixed(delay) }
    }

    /// The same attempts with another backoff.
    #[must_use]
    pub const fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Whether another attempt may follow the `attempt`-th, counted from 1.
    #[must_use]
    pub const fn has_attempt_after(&self, attempt: u32) -> bool {
        attempt < self.max_attempts
    }
}

/// What a handler's error says about trying again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetryAdvice {
    /// Nothing: the job's [`Retry`] decides.
    #[default]
    Backoff,
    /// Trying again is pointless.
    Fatal,
    /// If an attempt is left, it should wait this long.
    After(Duration),
    /// Not an error: the work cannot be done now. Run again after this time; does not count as an attempt.
    Snooze(Duration),
}

/// How an attempt ended, as far as the retry rule cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The handler returned a value.
    Succeeded,
    /// The handler returned an error or panicked.
    Failed(RetryAdvice),
    /// The attempt took longer than its timeout.
    TimedOut,
    /// The user cancelled the job.
    Cancelled,
    /// The scheduler stopped before the handler was done.
    Interrupted,
    /// The lease expired, or its holder is known to be gone.
    WorkerVanished,
    /// The start deadline had passed; the handler was not called.
    MissedStartDeadline,
    /// The payload could not be read; the handler was not called.
    DeserializationFailed,
}

/// What follows for the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterAttempt {
    /// The job ends.
    Finish(JobOutcome),
    /// The job is queued again.
    RunAgain {
        /// Earliest start of the next attempt.
        run_at: DateTime<Utc>,
        /// Attempts that count so far.
        attempt: u32,
    },
}

/// What follows when the `attempt`-th attempt (counted from 1) of a job with this `retry` ended at `now`.
///
/// `random` is uniform in `[0, 1)`; it spreads the backoff.
///
/// ```
/// use apsched_core::{AfterAttempt, AttemptEnd, JobOutcome, Retry, retry};
/// use chrono::{DateTime, Utc};
///
/// let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse()?;
/// let end = retry::after_attempt(Retry::none(), 1, AttemptEnd::WorkerVanished, now, 0.0);
/// assert_eq!(end, AfterAttempt::Finish(JobOutcome::Abandoned)); // at most once, by default
/// let end = retry::after_attempt(Retry::exponential(2), 1, AttemptEnd::WorkerVanished, now, 0.0);
/// assert!(matches!(end, AfterAttempt::RunAgain { attempt: 1, .. })); // at least once, if asked
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[must_use]
pub fn after_attempt(
    retry: Retry,
    attempt: u32,
    end: AttemptEnd,
    now: DateTime<Utc>,
    random: f64,
) -> AfterAttempt {
    let backoff = || retry.backoff.delay(attempt, random);
    let (delay, outcome) = match end {
        AttemptEnd::Succeeded => return AfterAttempt::Finish(JobOutcome::Success),
        AttemptEnd::Cancelled => return AfterAttempt::Finish(JobOutcome::Cancelled),
        AttemptEnd::MissedStartDeadline => return AfterAttempt::Finish(JobOutcome::MissedStartDeadline),
        AttemptEnd::DeserializationFailed => return AfterAttempt::Finish(JobOutcome::DeserializationFailed),
        AttemptEnd::Failed(RetryAdvice::Fatal) => return AfterAttempt::Finish(JobOutcome::Error),
        AttemptEnd::Failed(RetryAdvice::Snooze(delay)) => {
            return AfterAttempt::RunAgain {
                run_at: instant::after(now, delay),
                attempt: attempt.saturating_sub(1),
            };
        }
        AttemptEnd::Failed(RetryAdvice::After(delay)) => (delay, JobOutcome::Error),
        AttemptEnd::Failed(RetryAdvice::Backoff) => (backoff(), JobOutcome::Error),
        AttemptEnd::TimedOut => (backoff(), JobOutcome::TimedOut),
        AttemptEnd::WorkerVanished => (backoff(), JobOutcome::Abandoned),
        AttemptEnd::Interrupted => (Duration::ZERO, JobOutcome::Cancelled),
    };
    if retry.has_attempt_after(attempt) {
        AfterAttempt::RunAgain { run_at: instant::after(now, delay), attempt }
    } else {
        AfterAttempt::Finish(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn decide(max_attempts: u32, attempt: u32, end: AttemptEnd) -> AfterAttempt {
        after_attempt(Retry::fixed(max_attempts, Duration::from_secs(10)), attempt, end, now(), 0.5)
    }

    /// After how many seconds, with how many attempts counted.
    type Again = (u64, u32);

    const fn again(seconds: u64, attempt: u32) -> Again {
        (seconds, attempt)
    }

    #[test]
    fn the_table_holds_with_and_without_attempts_left() {
        use AttemptEnd as End;
        let after = End::Failed(RetryAdvice::After(Duration::from_secs(3)));
        let snooze = End::Failed(RetryAdvice::Snooze(Duration::from_secs(7)));
        let table: [(AttemptEnd, Option<Again>, Option<JobOutcome>); 10] = [
            (End::Failed(RetryAdvice::Backoff), Some(again(10, 1)), Some(JobOutcome::Error)),
            (End::Failed(RetryAdvice::Fatal), None, Some(JobOutcome::Error)),
            (after, Some(again(3, 1)), Some(JobOutcome::Error)),
            (snooze, Some(again(7, 0)), None),
            (End::TimedOut, Some(again(10, 1)), Some(JobOutcome::TimedOut)),
            (End::WorkerVanished, Some(again(10, 1)), Some(JobOutcome::Abandoned)),
            (End::Interrupted, Some(again(0, 1)), Some(JobOutcome::Cancelled)),
            (End::Cancelled, None, Some(JobOutcome::Cancelled)),
            (End::MissedStartDeadline, None, Some(JobOutcome::MissedStartDeadline)),
            (End::DeserializationFailed, None, Some(JobOutcome::DeserializationFailed)),
        ];
        for (end, left, none_left) in table {
            let run_again = |(seconds, attempt)| AfterAttempt::RunAgain {
                run_at: instant::after(now(), Duration::from_secs(seconds)),
                attempt,
            };
            let finish = none_left.map(AfterAttempt::Finish);
            assert_eq!(Some(decide(2, 1, end)), left.map(run_again).or(finish), "{end:?}, an attempt left");
            let snoozed = left.filter(|_| finish.is_none()).map(run_again);
            assert_eq!(Some(decide(1, 1, end)), finish.or(snoozed), "{end:?}, none left");
        }
    }

    #[test]
    fn zero_attempts_count_as_one() {
        assert_eq!(decide(0, 1, AttemptEnd::TimedOut), AfterAttempt::Finish(JobOutcome::TimedOut));
    }
}
