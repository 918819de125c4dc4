//! Rules that a store can break, each one that a store somewhere has broken.

use apsched_testkit::simulation::{Check, Family};

/// What a [`Broken`](crate::broken::Broken) store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// Whoever releases a job is taken for its holder.
    TakesStaleJobReleases,
    /// Whoever releases a schedule is taken for its holder, whatever the user wrote since.
    TakesStaleScheduleReleases,
    /// Every renewal is accepted.
    TakesStaleRenewals,
    /// Jobs are inserted before it is known whether the schedule may advance.
    AddsJobsBeforeTheAdvance,
    /// A job whose lease has expired is queued again, and recorded as abandoned as well.
    AbandonsWhatItRunsAgain,
    /// Leases are recovered before they have expired.
    RecoversLiveLeases,
    /// Leases are never recovered.
    RecoversNothing,
    /// The limit of a task counts what one call gives out, not what runs already.
    LimitIgnoresRunningJobs,
    /// The first due jobs are looked at, then those of saturated tasks are left out.
    LimitsBeforeFiltering,
    /// The slot of a job that was recovered is not given back.
    LeaksSlots,
    /// A job that runs is given out again.
    GivesOutTwice,
    /// A job is given out before its time.
    GivesOutEarly,
    /// A paused schedule is given out.
    GivesOutPausedSchedules,
    /// Some outcomes are not kept.
    DropsResults,
    /// Results are removed before they expire.
    CleansUpTooMuch,
    /// A fire time that is skipped leaves nothing behind.
    ForgetsSkips,
    /// What is handed back stays with its holder.
    ForgetsHandBacks,
    /// A cancel request does nothing.
    ForgetsCancels,
    /// It never says when something will be due.
    LosesWakeups,
    /// It always says that something is due.
    PromisesAlways,
    /// It answers when it likes.
    AnswersLater,
}

impl Mutation {
    /// Each with the family that finds it, and the check that tells it.
    pub(crate) const ALL: [(Self, Family, Check); 22] = [
        (Self::TakesStaleJobReleases, Family::Frozen, Check::NoStaleWrite),
        (Self::TakesStaleScheduleReleases, Family::Edits, Check::LastWriteWins),
        (Self::TakesStaleScheduleReleases, Family::Coalescing, Check::NoStaleWrite),
        (Self::TakesStaleRenewals, Family::Frozen, Check::NoStaleWrite),
        (Self::AddsJobsBeforeTheAdvance, Family::Frozen, Check::OneJobPerFireTime),
        (Self::AbandonsWhatItRunsAgain, Family::Takeover, Check::OutcomeIsTrue),
        (Self::RecoversLiveLeases, Family::Takeover, Check::LeaseIsExclusive),
        (Self::RecoversNothing, Family::Takeover, Check::OutcomeIsTrue),
        (Self::LimitIgnoresRunningJobs, Family::Takeover, Check::LimitHolds),
        (Self::LimitsBeforeFiltering, Family::Saturation, Check::NoStarvation),
        (Self::LeaksSlots, Family::Takeover, Check::EverythingSettles),
        (Self::GivesOutTwice, Family::Takeover, Check::LeaseIsExclusive),
        (Self::GivesOutEarly, Family::Takeover, Check::NeverTooEarly),
        (Self::GivesOutPausedSchedules, Family::Edits, Check::LastWriteWins),
        (Self::DropsResults, Family::Takeover, Check::CommittedWorkEnds),
        (Self::CleansUpTooMuch, Family::Takeover, Check::CommittedWorkEnds),
        (Self::ForgetsSkips, Family::Coalescing, Check::NoFireTimeLost),
        (Self::ForgetsHandBacks, Family::Stops, Check::LeaseIsExclusive),
        (Self::ForgetsCancels, Family::Takeover, Check::CancelHolds),
        (Self::LosesWakeups, Family::Calm, Check::EverythingSettles),
        (Self::PromisesAlways, Family::Idle, Check::IdleIsIdle),
        (Self::AnswersLater, Family::Calm, Check::StoreAnswers),
    ];
}
