//! Which states can a job be in, and what leads from one to another. Pure.
//!
//! ```text
//!            add                acquire                    finish
//!   (none) ───────▶ queued ───────────────▶ running ───────────────────▶ finished
//!                    │  ▲                      │                          ▲  ▲
//!                    │  └── hand back, retry, ─┘                          │  │
//!                    │      recover (attempts left)                       │  │
//!                    └────────────── cancel, miss, skip ──────────────────┘  │
//!                                              └─── recover (none left) ─────┘
//! ```
//!
//! A finished job leaves the queue; what remains of it is its [`JobResult`](super::JobResult), if one is kept.

use std::fmt;

use super::outcome::JobOutcome;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Waits for its time, a worker, or a slot.
    Queued,
    /// A scheduler holds its lease.
    Running,
    /// Has its outcome.
    Finished(JobOutcome),
}

/// What can happen to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobStep {
    /// A scheduler takes the lease.
    Acquire,
    /// The scheduler gives the job back without having run it.
    HandBack,
    /// An attempt failed, was snoozed or interrupted, and the job is to run again.
    RunAgain,
    /// The job ends.
    Finish(JobOutcome),
}

/// A step that the job's state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {state} job cannot {step}")]
pub struct StepRefused {
    /// Where the job stands.
    pub state: JobState,
    /// What was attempted.
    pub step: JobStep,
}

impl JobState {
    /// The state's word in logs and stores.
    ///
    /// ```
    /// use apsched_core::{JobOutcome, JobState};
    ///
    /// let states = [JobState::Queued, JobState::Running, JobState::Finished(JobOutcome::Error)];
    /// assert_eq!(states.map(JobState::as_str), ["queued", "running", "finished"]);
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished(_) => "finished",
        }
    }

    /// The state after `step`.
    ///
    /// ```
    /// use apsched_core::{JobOutcome, JobState, JobStep};
    ///
    /// let running = JobState::Queued.after(JobStep::Acquire)?;
    /// assert_eq!(running.after(JobStep::Finish(JobOutcome::Success))?, JobState::Finished(JobOutcome::Success));
    /// assert!(running.after(JobStep::Acquire).is_err());
    /// # Ok::<(), apsched_core::StepRefused>(())
    /// ```
    ///
    /// # Errors
    /// [`StepRefused`] when the step is not in the diagram above.
    pub const fn after(self, step: JobStep) -> Result<Self, StepRefused> {
        match (self, step) {
            (Self::Queued, JobStep::Acquire) => Ok(Self::Running),
            (Self::Running, JobStep::HandBack | JobStep::RunAgain) => Ok(Self::Queued),
            (Self::Running, JobStep::Finish(outcome)) if !matches!(outcome, JobOutcome::Skipped) => {
                Ok(Self::Finished(outcome))
            }
            (
                Self::Queued,
                JobStep::Finish(
                    outcome @ (JobOutcome::Cancelled | JobOutcome::MissedStartDeadline | JobOutcome::Skipped),
                ),
            ) => Ok(Self::Finished(outcome)),
            (state, step) => Err(StepRefused { state, step }),
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished(outcome) => write!(f, "{} ({outcome})", self.as_str()),
            Self::Queued | Self::Running => f.write_str(self.as_str()),
        }
    }
}

impl fmt::Display for JobStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acquire => f.write_str("be acquired"),
            Self::HandBack => f.write_str("be handed back"),
            Self::RunAgain => f.write_str("be queued again"),
            Self::Finish(outcome) => write!(f, "end as {outcome}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_from_every_state_is_decided() {
        use JobOutcome::{Cancelled, MissedStartDeadline, Skipped};
        let steps = [JobStep::Acquire, JobStep::HandBack, JobStep::RunAgain];
        let steps = steps.into_iter().chain(JobOutcome::ALL.map(JobStep::Finish));
        for step in steps {
            let expected = match step {
                JobStep::Acquire => Some(JobState::Running),
                JobStep::Finish(outcome @ (Cancelled | MissedStartDeadline | Skipped)) => {
                    Some(JobState::Finished(outcome))
                }
                _ => None,
            };
            assert_eq!(JobState::Queued.after(step).ok(), expected, "queued, {step}");

            let expected = match step {
                JobStep::HandBack | JobStep::RunAgain => Some(JobState::Queued),
                JobStep::Finish(Skipped) | JobStep::Acquire => None,
                JobStep::Finish(outcome) => Some(JobState::Finished(outcome)),
            };
            assert_eq!(JobState::Running.after(step).ok(), expected, "running, {step}");

            for outcome in JobOutcome::ALL {
                assert!(JobState::Finished(outcome).after(step).is_err(), "finished is final: {step}");
            }
        }
    }

    #[test]
    fn a_refused_step_reads_well() {
        let error = JobState::Finished(JobOutcome::Success).after(JobStep::Acquire).unwrap_err();
        assert_eq!(error.to_string(), "a finished (success) job cannot be acquired");
    }
}
