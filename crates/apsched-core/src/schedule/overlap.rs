//! What to do when a schedule fires while an earlier job of it is still queued or running. Pure; stores call it in
//! the transaction that adds the job.
//!
//! Overlap is about one *schedule*; how many jobs of one *task* run at once is its own limit
//! ([`admission`](crate::admission)).

use serde::{Deserialize, Serialize};

use super::Coalesce;

/// What happens to a fire time that meets an earlier job of its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The fire time is recorded as [`JobOutcome::Skipped`](crate::JobOutcome::Skipped). The default, unless the
    /// schedule coalesces [`All`](Coalesce::All).
    Skip,
    /// The job is added and waits its turn. The default for [`Coalesce::All`].
    Queue,
    /// Earlier jobs are cancelled and the job is added.
    Replace,
}

impl Overlap {
    /// What holds when the schedule does not say.
    #[must_use]
    pub const fn default_for(coalesce: Coalesce) -> Self {
        match coalesce {
            Coalesce::All => Self::Queue,
            Coalesce::Latest | Coalesce::Earliest => Self::Skip,
        }
    }

    /// What happens to a fire time, given whether an earlier job of the schedule is queued or running.
    ///
    /// ```
    /// use apsched_core::{Overlap, schedule::{EarlierJobs, OverlapAction}};
    ///
    /// assert_eq!(Overlap::Skip.action(EarlierJobs::Active), OverlapAction::RecordSkipped);
    /// assert_eq!(Overlap::Skip.action(EarlierJobs::None), OverlapAction::Add);
    /// ```
    #[must_use]
    pub const fn action(self, earlier: EarlierJobs) -> OverlapAction {
        match (self, earlier) {
            (_, EarlierJobs::None) | (Self::Queue, EarlierJobs::Active) => OverlapAction::Add,
            (Self::Skip, EarlierJobs::Active) => OverlapAction::RecordSkipped,
            (Self::Replace, EarlierJobs::Active) => OverlapAction::CancelEarlierAndAdd,
        }
    }
}

/// Whether a schedule has jobs that are queued or running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlierJobs {
    /// It has none.
    None,
    /// It has at least one.
    Active,
}

/// What a store does with a fire time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverlapAction {
    /// Add the job.
    Add,
    /// Keep a result with the outcome `skipped` instead.
    RecordSkipped,
    /// Cancel the schedule's queued and running jobs, then add the job.
    CancelEarlierAndAdd,
}
