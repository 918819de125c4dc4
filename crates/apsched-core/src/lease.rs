//! Who may touch a schedule or job, and until when. Pure: callers pass `now`.
//!
//! Who acquires a schedule or job has a claim on it: one [`Lease`] with its holder, a fencing token and an end. The
//! token grows each time the same row is acquired, and every later write names holder and token; a scheduler that
//! slept past its lease finds another token and is refused, whatever its own clock says. A lease is renewed when half
//! of its life has passed, and again a tenth of it later while that fails, so that some renewals in a row may fail
//! before anything is lost.
//!
//! What is deliberately not here: taking a lease. Stores do that, in the statement that chooses the row.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::SchedulerId;
use crate::instant;

/// Number of a claim: greater than that of every earlier claim of the same job or schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseToken(u64);

impl LeaseToken {
    /// The token with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number, as stores keep it.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The token of the next claim.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The right of one scheduler to one job or schedule, until it expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The run of the scheduler that acquired it.
    pub holder: SchedulerId,
    /// The claim's number.
    pub token: LeaseToken,
    /// First instant at which the lease has expired.
    pub until: DateTime<Utc>,
}

impl Lease {
    /// Whether the lease has expired: another scheduler may take over.
    ///
    /// ```
    /// use apsched_core::{Lease, LeaseToken, SchedulerId, SchedulerName};
    /// use chrono::{DateTime, TimeDelta, Utc};
    ///
    /// let until: DateTime<Utc> = "2026-01-01T00:00:30Z".parse()?;
    /// let holder = SchedulerId::new(SchedulerName::new("pod-1")?, 1);
    /// let lease = Lease { holder, token: LeaseToken::new(1), until };
    /// assert!(!lease.is_expired(until - TimeDelta::microseconds(1)));
    /// assert!(lease.is_expired(until));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.until <= now
    }

    /// Whether a write that names this holder and token is allowed.
    ///
    /// An expired lease still counts as held until somebody takes it: the token, not the clock, refuses stale writes.
    #[must_use]
    pub fn is_held_by(&self, holder: &SchedulerId, token: LeaseToken) -> bool {
        self.token == token && self.holder == *holder
    }
}

/// When a lease taken at `now` with this life is to be renewed: at half of it.
///
/// ```
/// use std::time::Duration;
/// use chrono::{DateTime, Utc};
///
/// let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse()?;
/// let renewal = apsched_core::lease::renewal_at(now, Duration::from_secs(30));
/// assert_eq!(renewal.to_rfc3339(), "2026-01-01T00:00:15+00:00");
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[must_use]
pub fn renewal_at(now: DateTime<Utc>, life: Duration) -> DateTime<Utc> {
    instant::after(now, life / 2)
}
