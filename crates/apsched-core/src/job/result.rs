//! What remains of a finished job: outcome, returned value, error, and how long it is kept.

use std::error::Error;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::outcome::JobOutcome;
use crate::id::{JobId, ScheduleId, TaskId};
use crate::payload::Payload;

/// Most messages an [`ErrorChain`] keeps.
const MAX_MESSAGES: usize = 16;
/// Most bytes it keeps of each.
const MAX_MESSAGE_BYTES: usize = 4096;

/// The messages of an error and of its causes, outermost first.
///
/// At most 16 messages of at most 4,096 bytes are kept.
///
/// ```
/// use apsched_core::ErrorChain;
///
/// let chain = ErrorChain::new(["send the mail".to_owned(), "connection refused".to_owned()]);
/// assert_eq!(chain.to_string(), "send the mail: connection refused");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorChain(Vec<String>);

impl ErrorChain {
    /// A chain of these messages.
    pub fn new(messages: impl IntoIterator<Item = String>) -> Self {
        Self(messages.into_iter().take(MAX_MESSAGES).map(cut).collect())
    }

    /// The messages of `error` and its sources.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let mut messages = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source.filter(|_| messages.len() < MAX_MESSAGES) {
            messages.push(cause.to_string());
            source = cause.source();
        }
        Self::new(messages)
    }

    /// The messages, outermost first.
    #[must_use]
    pub fn messages(&self) -> &[String] {
        &self.0
    }
}

fn cut(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES - '…'.len_utf8()));
        message.push('…');
    }
    message
}

impl fmt::Display for ErrorChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(": "))
    }
}

/// What is kept of a finished job until it expires. Reading it does not remove it.
#[derive(Clone, Debug)]
pub struct JobResult {
    /// The job.
    pub job_id: JobId,
    /// Its task.
    pub task_id: TaskId,
    /// The schedule that made it; `None` for a direct job.
    pub schedule_id: Option<ScheduleId>,
    /// The fire time it stands for; `None` for a direct job and for a schedule that was run by hand.
    pub fire_time: Option<DateTime<Utc>>,
    /// How it ended.
    pub outcome: JobOutcome,
    /// What the handler returned. `None` unless the outcome is [`JobOutcome::Success`].
    pub value: Option<Payload>,
    /// Why it failed. `None` when it did not.
    pub error: Option<ErrorChain>,
    /// Attempts that count; zero when nobody acquired it. One that was acquired too late, or could not be read, counts.
    pub attempt: u32,
    /// Start of the last attempt. `None` when it never ran.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// First instant at which the result may be removed.
    pub expires_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_is_capped_on_character_boundaries() {
        let chain = ErrorChain::new((0..40).map(|_| "ü".repeat(5_000)));
        assert_eq!(chain.messages().len(), MAX_MESSAGES);
        assert!(chain.messages().iter().all(|message| message.len() <= MAX_MESSAGE_BYTES));
        assert!(chain.messages()[0].ends_with("ü…"));
    }
}
