//! The names of things: one newtype per kind of id, so that a schedule's id cannot be passed for a task's.
//!
//! Text ids ([`TaskId`], [`ScheduleId`], [`ExecutorName`], the name part of a [`SchedulerId`]) are 1 to
//! [`MAX_ID_BYTES`] bytes without control characters; they are checked once, at the edge. They share their text, so a
//! clone costs a reference count. [`JobId`] is a UUIDv7 made by the client, which makes adding a job twice harmless
//! and keeps ids in order of creation.

mod job;
mod scheduler;

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(crate) use job::JobIdMap;
pub use job::{JobId, JobIds};
pub use scheduler::SchedulerId;

/// Longest text of an id, in bytes of UTF-8.
///
/// The bound keeps every id inside an indexed column of every database and inside a broker's message.
pub const MAX_ID_BYTES: usize = 255;

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text is empty.
    #[error("{kind} id: expected 1 to {MAX_ID_BYTES} bytes, found an empty text")]
    Empty {
        /// What the text was to name: `task`, `schedule`, `executor`, `scheduler`.
        kind: &'static str,
    },
    /// The text is longer than [`MAX_ID_BYTES`].
    #[error("{kind} id: expected 1 to {MAX_ID_BYTES} bytes, found {bytes} bytes starting with {start:?}")]
    TooLong {
        /// What the text was to name.
        kind: &'static str,
        /// Length of the text that was passed, in bytes.
        bytes: usize,
        /// Its first characters.
        start: String,
    },
    /// The text holds a control character such as a line break.
    #[error("{kind} id, position {position}: expected printable characters, found {found:?} in {text:?}")]
    ControlCharacter {
        /// What the text was to name.
        kind: &'static str,
        /// Place of the character, counted in characters from 1.
        position: usize,
        /// The character.
        found: char,
        /// The whole text.
        text: String,
    },
}

fn check(kind: &'static str, text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { kind });
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong { kind, bytes: text.len(), start: text.chars().take(24).collect() });
    }
    match text.chars().enumerate().find(|(_, c)| c.is_control()) {
        Some((index, found)) => {
            Err(IdError::ControlCharacter { kind, position: index + 1, found, text: text.to_owned() })
        }
        None => Ok(()),
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and makes the id.
            ///
            /// # Errors
            /// [`IdError`] when the text is empty, longer than [`MAX_ID_BYTES`] or holds a control character.
            pub fn new(text: impl AsRef<str>) -> Result<Self, IdError> {
                let text = text.as_ref();
                check($kind, text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The id's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdError;
            fn try_from(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<&Self> for $name {
            fn from(id: &Self) -> Self {
                id.clone()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(
    /// Names a task: the handler, the settings and the limit that go with it, across all processes.
    ///
    /// ```
    /// use apsched_core::TaskId;
    ///
    /// assert_eq!(TaskId::new("send_email")?.as_str(), "send_email");
    /// assert!(TaskId::new("").is_err());
    /// assert!(TaskId::new("two\nlines").is_err());
    /// # Ok::<(), apsched_core::IdError>(())
    /// ```
    TaskId,
    "task"
);

text_id!(
    /// Names a schedule. Given by the user (`.id("morning-mail")`) or made from a random UUID.
    ScheduleId,
    "schedule"
);

text_id!(
    /// Names a job executor: `async`, `threadpool`, or one of the user's own.
    ExecutorName,
    "executor"
);

impl ExecutorName {
    /// Runs async handlers on the runtime of the scheduler.
    pub const ASYNC: &'static str = "async";
    /// Runs blocking handlers on a bounded pool of threads.
    pub const THREADPOOL: &'static str = "threadpool";
}

text_id!(
    /// The part of a [`SchedulerId`] that survives a restart, such as the name of the pod.
    SchedulerName,
    "scheduler"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_what_is_wrong_and_where() {
        let error = TaskId::new("a\u{7}b").unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"task id, position 2: expected printable characters, found '\u{7}' in "a\u{7}b""#
        );
        let error = ScheduleId::new("x".repeat(256)).unwrap_err();
        assert!(error.to_string().contains("found 256 bytes"), "{error}");
        assert!(ScheduleId::new("x".repeat(255)).is_ok());
    }

    #[test]
    fn an_id_is_checked_when_it_is_read_back() {
        assert!(serde_json::from_str::<TaskId>("\"\"").is_err());
        assert_eq!(serde_json::from_str::<TaskId>("\"a\"").unwrap(), TaskId::new("a").unwrap());
    }
}
