//! What can go wrong in a store, and whether it may pass.

use std::error::Error;
use std::sync::Arc;

use crate::id::{JobId, ScheduleId, SchedulerId};
use crate::trigger::TriggerError;

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no schedule of this id.
    #[error("no schedule {schedule_id:?}", schedule_id = .schedule_id.as_str())]
    ScheduleNotFound {
        /// The id.
        schedule_id: ScheduleId,
    },
    /// A schedule of this id exists, and the conflict policy is to refuse.
    #[error("a schedule {schedule_id:?} exists already (conflict policy: error)", schedule_id = .schedule_id.as_str())]
    ScheduleExists {
        /// The id.
        schedule_id: ScheduleId,
    },
    /// The caller's claim on the job no longer holds.
    #[error("job {job_id} is no longer held by {holder}")]
    LeaseLost {
        /// The job.
        job_id: JobId,
        /// Who thought to hold it.
        holder: SchedulerId,
    },
    /// The schedule's trigger failed.
    #[error("plan schedule {schedule_id:?}", schedule_id = .schedule_id.as_str())]
    Trigger {
        /// The schedule.
        schedule_id: ScheduleId,
        /// What the trigger said.
        source: TriggerError,
    },
    /// The row of what was asked for is there, and cannot be decoded. It is left as it is.
    ///
    /// A schedule is replaced ([`ConflictPolicy::Replace`](crate::ConflictPolicy)) or removed to be rid of it.
    #[error("{what} {id:?} cannot be read: {reason}")]
    Unreadable {
        /// `schedule`, `job` or `result`.
        what: &'static str,
        /// The id of the schedule or job.
        id: String,
        /// What cannot be decoded, and why.
        reason: String,
    },
    /// The store does not answer, or refused for a reason that may pass: connection, deadlock, fail-over.
    #[error("{operation}: the data store is unavailable")]
    Unavailable {
        /// What was attempted.
        operation: &'static str,
        /// What the store's client said.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The store can never work as it is: wrong credentials, missing permission, newer schema.
    #[error("{operation}: {reason}")]
    Misconfigured {
        /// What was attempted.
        operation: &'static str,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// The store failed in a way that trying again does not mend.
    #[error("{operation}: the data store failed")]
    Failed {
        /// What was attempted.
        operation: &'static str,
        /// What the store's client said.
        source: Arc<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
