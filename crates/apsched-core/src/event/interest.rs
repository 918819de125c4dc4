//! Which types of events somebody listens to, so that others are not even built.

use std::ops::BitOr;

/// A set of event types.
///
/// ```
/// use apsched_core::event::{EventInterest, EventType, JobAdded, JobReleased};
///
/// let interest = JobAdded::INTEREST | JobReleased::INTEREST;
/// assert!(interest.includes(JobAdded::INTEREST));
/// assert!(!JobAdded::INTEREST.includes(interest));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventInterest(u32);

impl EventInterest {
    /// No type.
    pub const NONE: Self = Self(0);
    /// Every type, also those of later versions.
    pub const ALL: Self = Self(u32::MAX);

    pub(super) const fn bit(index: u32) -> Self {
        Self(1 << index)
    }

    /// The set whose bits are `bits`; see [`EventInterest::bits`].
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The set as bits, for keeping it in an atomic number and for telling it to other processes. A type keeps its bit
    /// from version to version.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether every type of `other` is in this set.
    #[must_use]
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether some type is in both sets.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The types of this set that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The types of both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for EventInterest {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}
