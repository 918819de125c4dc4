//! The names of things: one newtype per kind of id, so that a schedule's id cannot be passed for a task's.
//!
//! Text ids ([`TaskId`], [`ScheduleId`], [`ExecutorName`], the name part of a [`SchedulerId`]) are 1 to
//! [`MAX_ID_BYTES`] bytes without control characters; they are checked once, at the edge. They share their text, so a
//! clone costs a reference count. [`JobId`] is a UUIDv7 made by the client, which makes adding a job twice harmless
//! and keeps ids in order of creation.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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

/// Names a job. A UUIDv7: sorts by time of creation, and is made by whoever adds the job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(Uuid);

impl JobId {
    /// The id of a job made at `now`, with `entropy` for its random part.
    ///
    /// ```
    /// use apsched_core::JobId;
    /// use chrono::{DateTime, Utc};
    ///
    /// let noon: DateTime<Utc> = "2026-01-01T12:00:00Z".parse()?;
    /// let earlier = JobId::at(noon, 7);
    /// let later = JobId::at(noon + chrono::TimeDelta::milliseconds(1), 3);
    /// assert!(earlier < later);
    /// assert_eq!(earlier.to_string().parse(), Ok(earlier));
    /// # Ok::<(), chrono::ParseError>(())
    /// ```
    #[must_use]
    pub fn at(now: DateTime<Utc>, entropy: u128) -> Self {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        let [_, _, _, _, _, _, random @ ..] = entropy.to_be_bytes();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// The UUID itself.
    #[must_use]
    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for JobId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({})", self.0)
    }
}

/// A map by job id.
pub(crate) type JobIdMap<V> = HashMap<JobId, V, BuildHasherDefault<JobIdHasher>>;

/// Job ids are random already; one multiplication a word spreads them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JobIdHasher(u64);

impl Hasher for JobIdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0.rotate_left(26) ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// Makes job ids that grow strictly: within one millisecond by a counter, and also when the clock steps back.
///
/// Jobs of one producer therefore keep their order of creation where priority and time are equal.
#[derive(Debug)]
pub struct JobIds {
    random: fastrand::Rng,
    millis: i64,
    count: u64,
}

impl JobIds {
    /// Ids whose random part follows from `seed`.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), millis: i64::MIN, count: 0 }
    }

    /// The next id, greater than all before.
    pub fn next(&mut self, now: DateTime<Utc>) -> JobId {
        // 74 random bits of a UUIDv7 are used as 42 bits of counter, so that ids stay in order, and 32 random ones.
        let millis = now.timestamp_millis();
        if millis > self.millis {
            self.millis = millis;
            self.count = u64::from(self.random.u32(..1 << 31));
        } else {
            self.count += 1;
        }
        let moment = DateTime::from_timestamp_millis(self.millis).unwrap_or(now);
        let counter = u128::from(self.count & ((1 << 42) - 1));
        // Bits from the top of the ten bytes: 4 for the version, 12 counter, 2 for the variant, 30 counter, 32 random.
        let entropy =
            (counter >> 30) << 64 | (counter & ((1 << 30) - 1)) << 32 | u128::from(self.random.u32(..));
        JobId::at(moment, entropy)
    }
}

/// Names one run of a scheduler: a name that the user may choose, and an incarnation that each start draws anew.
///
/// Leases name their holder by both, so two processes that were given one name cannot take each other's work for
/// their own; a restart under the same name takes back at once what its predecessor held.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SchedulerId {
    name: SchedulerName,
    incarnation: u64,
}

text_id!(
    /// The part of a [`SchedulerId`] that survives a restart, such as the name of the pod.
    SchedulerName,
    "scheduler"
);

impl SchedulerId {
    /// The scheduler `name`, in its run `incarnation`.
    #[must_use]
    pub const fn new(name: SchedulerName, incarnation: u64) -> Self {
        Self { name, incarnation }
    }

    /// The name that survives a restart.
    #[must_use]
    pub const fn name(&self) -> &SchedulerName {
        &self.name
    }

    /// The number drawn at this start.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Whether `other` is another run under the same name: a predecessor or a successor.
    #[must_use]
    pub fn is_other_run_of(&self, other: &Self) -> bool {
        self.name == other.name && self.incarnation != other.incarnation
    }
}

impl fmt::Display for SchedulerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:016x}", self.name, self.incarnation)
    }
}

impl fmt::Debug for SchedulerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchedulerId({self})")
    }
}

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

    #[test]
    fn job_ids_grow_within_a_millisecond_and_over_a_clock_step() {
        let mut ids = JobIds::seeded(1);
        let noon: DateTime<Utc> = "2026-01-01T12:00:00Z".parse().unwrap();
        let mut last = ids.next(noon);
        for step in 0..10_000 {
            let now = if step == 5_000 { noon - chrono::TimeDelta::hours(1) } else { noon };
            let id = ids.next(now);
            assert!(id > last, "{id} after {last}");
            assert_eq!(id.as_uuid().get_version_num(), 7);
            last = id;
        }
    }

    #[test]
    fn a_restart_is_another_run_of_the_same_scheduler() {
        let name = SchedulerName::new("pod-1").unwrap();
        let (old, new) = (SchedulerId::new(name.clone(), 1), SchedulerId::new(name, 2));
        assert!(new.is_other_run_of(&old));
        assert!(!new.is_other_run_of(&new));
    }
}
