//! Which seeds a test runs: a few by default, as many as asked for, or one again.

use std::env::{self, VarError};
use std::ops::Range;

/// The seeds of one test.
///
/// ```
/// use apsched_testkit::simulation::Seeds;
///
/// assert_eq!(Seeds::first(3).collect::<Vec<_>>(), [0, 1, 2]);
/// assert_eq!(Seeds::only(4711).len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(Range<u64>);

/// A text in the environment that is no number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: expected a number, found {found:?}")]
pub struct SeedsError {
    variable: &'static str,
    found: String,
}

impl Seeds {
    /// The seeds 0 to `count - 1`.
    #[must_use]
    pub const fn first(count: u64) -> Self {
        Self(0..count)
    }

    /// This seed alone.
    #[must_use]
    pub const fn only(seed: u64) -> Self {
        Self(seed..seed.saturating_add(1))
    }

    /// What the environment asks for: `APSCHED_SEED` alone, or the first `APSCHED_SEEDS`, or the first `default`.
    ///
    /// # Errors
    /// [`SeedsError`] when a variable is set and is no number.
    pub fn from_env(default: u64) -> Result<Self, SeedsError> {
        if let Some(seed) = number("APSCHED_SEED")? {
            return Ok(Self::only(seed));
        }
        Ok(Self::first(number("APSCHED_SEEDS")?.unwrap_or(default)))
    }
}

impl Iterator for Seeds {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Seeds {
    fn len(&self) -> usize {
        usize::try_from(self.0.end - self.0.start).unwrap_or(usize::MAX)
    }
}

fn number(variable: &'static str) -> Result<Option<u64>, SeedsError> {
    match env::var(variable) {
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(text)) => {
            Err(SeedsError { variable, found: text.to_string_lossy().into_owned() })
        }
        Ok(text) => text.trim().parse().map(Some).map_err(|_| SeedsError { variable, found: text }),
    }
}
