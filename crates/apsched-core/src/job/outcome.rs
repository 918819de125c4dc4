//! How a job can end.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a job ended. Every job has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum JobOutcome {
    /// The handler returned a value.
    Success,
    /// The handler returned an error or panicked, and no attempt is left.
    Error,
    /// The start deadline had passed when a worker would have started the job; it did not run.
    MissedStartDeadline,
    /// The payload could not be read as the type the handler takes; it did not run.
    DeserializationFailed,
    /// Cancelled by a user, by [`Overlap::Replace`](crate::Overlap::Replace) or by a shutdown without attempts left.
    Cancelled,
    /// The last attempt took longer than its timeout.
    TimedOut,
    /// The worker vanished, and no attempt is left.
    Abandoned,
    /// The schedule fired while an earlier job of it was still there, and its overlap policy is
    /// [`Overlap::Skip`](crate::Overlap::Skip).
    Skipped,
}

impl JobOutcome {
    /// Every outcome, in the order of declaration.
    pub const ALL: [Self; 8] = [
        Self::Success,
        Self::Error,
        Self::MissedStartDeadline,
        Self::DeserializationFailed,
        Self::Cancelled,
        Self::TimedOut,
        Self::Abandoned,
        Self::Skipped,
    ];

    /// The outcome's word in logs, stores and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::MissedStartDeadline => "missed_start_deadline",
            Self::DeserializationFailed => "deserialization_failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::Abandoned => "abandoned",
            Self::Skipped => "skipped",
        }
    }
}

/// A text that is no outcome's word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a job outcome such as \"success\", found {0:?}")]
pub struct UnknownOutcome(String);

impl FromStr for JobOutcome {
    type Err = UnknownOutcome;

    fn from_str(text: &str) -> Result<Self, UnknownOutcome> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or_else(|| UnknownOutcome(text.chars().take(64).collect()))
    }
}

impl TryFrom<String> for JobOutcome {
    type Error = UnknownOutcome;
    fn try_from(text: String) -> Result<Self, UnknownOutcome> {
        text.parse()
    }
}

impl From<JobOutcome> for String {
    fn from(outcome: JobOutcome) -> Self {
        outcome.as_str().to_owned()
    }
}

impl fmt::Display for JobOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for outcome in JobOutcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(outcome));
        }
        assert!("succes".parse::<JobOutcome>().is_err());
    }
}
