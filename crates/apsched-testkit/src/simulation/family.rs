//! The kinds of scenario, and what each lets happen.

use std::fmt;

/// A kind of scenario. All checks are made in all of them; each makes other mistakes likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Family {
    /// No fault but lost hints: everything starts within the poll interval, every lease is kept.
    Calm,
    /// Schedules that coalesce `All` and queue, under crashes: each fire time of the trigger gives exactly one job.
    EveryFireTime,
    /// Schedules of every setting under crashes: coalescing, overlap, jitter, misfires, `max_fires`, `max_catch_up`.
    Coalescing,
    /// Users pause, change, replace and remove schedules while they are being planned.
    Edits,
    /// Direct jobs, limits, retries and cancels, under crashes and takeovers.
    Takeover,
    /// Nodes freeze for longer than their lease, are replaced, and go on.
    Frozen,
    /// Clocks are stepped.
    ClockSteps,
    /// The store fails before or after it has done its work, or is gone for a while.
    Outages,
    /// Nodes are stopped, drain, and come back.
    Stops,
    /// One task is saturated for all the time; others are not to notice.
    Saturation,
    /// Nothing is due: paused, leased, far away, unknown, without a slot.
    Idle,
    /// Everything at once.
    Everything,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 12] = [
        Self::Calm,
        Self::EveryFireTime,
        Self::Coalescing,
        Self::Edits,
        Self::Takeover,
        Self::Frozen,
        Self::ClockSteps,
        Self::Outages,
        Self::Stops,
        Self::Saturation,
        Self::Idle,
        Self::Everything,
    ];

    /// The family's name in tests and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::EveryFireTime => "every_fire_time",
            Self::Coalescing => "coalescing",
            Self::Edits => "edits",
            Self::Takeover => "takeover",
            Self::Frozen => "frozen",
            Self::ClockSteps => "clock_steps",
            Self::Outages => "outages",
            Self::Stops => "stops",
            Self::Saturation => "saturation",
            Self::Idle => "idle",
            Self::Everything => "everything",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
