//! The ids of jobs, and a map that is made for them.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
