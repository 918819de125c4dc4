//! Schedules: a task, a trigger, and how fire times become jobs.
//!
//! | question | file |
//! |---|---|
//! | which fire times are due? | [`due`](due_fire_times), with [`Coalesce`] |
//! | when is a job too late? | [`misfire`](start_deadline) |
//! | when exactly does it start? | [`jitter`](jittered) |
//! | what if an earlier job is still there? | [`Overlap`] |
//! | how does an acquired schedule become jobs? | [`plan`] |
//! | how does it go on when it is released? | [`advance`](SchedulePoint) |
//! | what if its id exists already? | [`ConflictPolicy`] |
//! | what does an edit by the user change? | [`ScheduleEdit`], with `settle.rs` |
//!
//! # The life of a schedule
//!
//! 1. **Added.** [`Schedule::new`] anchors the trigger at the moment of adding and computes the first fire time. The store asks
//!    [`decide_add`] what to do if the id is taken.
//! 2. **Due.** When [`Schedule::is_claimable`], a scheduler acquires it: a lease with a new token, no longer than a plan takes.
//! 3. **Fired.** [`plan`] asks [`due_fire_times`] which fire times become jobs, gives each its jitter and start deadline, and says
//!    how the schedule advances. A trigger that fails quarantines its schedule instead.
//! 4. **Released.** The store writes all of it in one transaction, if lease, token and revision still match
//!    ([`ScheduleRelease::holds`]). In it, [`ScheduleRelease::jobs_after`] decides for each job whether it is added, skipped, or
//!    replaces earlier ones, and [`SchedulePoint::after`] where the schedule goes on.
//! 5. **Edited** at any time: [`ScheduleEdit::applied_to`] pauses, unpauses, updates. Each edit makes a new revision and drops the
//!    lease, so a plan made from the old definition is refused in step 4 and the user's write stays.
//! 6. **Fired by hand** at any time: [`job_by_hand`] makes a job and moves nothing.
//! 7. **Finished** when no fire time is left or `max_fires` is reached ([`ScheduleState`]); cleanup removes it once no job of it is
//!    queued or running. **Removed** by a user at any time; its jobs go on unless asked to cancel them.

mod advance;
mod coalesce;
mod conflict;
mod due;
mod edit;
mod jitter;
mod misfire;
mod overlap;
mod plan;
mod settle;
mod state;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use advance::{EarlierFate, ReleasedJobs, SchedulePoint};
pub use coalesce::Coalesce;
pub use conflict::{AddDecision, ConflictPolicy, decide_add, decide_add_over_unreadable};
pub use due::{DueFireTimes, DueLimits, due_fire_times};
pub use edit::{PauseEdit, ResumeFrom, ScheduleEdit, SettingsEdit};
pub use jitter::jittered;
pub use misfire::{has_missed, missed_at, start_deadline};
pub use overlap::{EarlierJobs, Overlap, OverlapAction};
pub use plan::{ScheduleAdvance, ScheduleRelease, job_by_hand, plan};
pub use state::ScheduleState;

use crate::id::{ScheduleId, TaskId};
use crate::lease::{Lease, LeaseToken};
use crate::payload::Payload;
use crate::task::{RunSettings, Setting};
use crate::trigger::{AnyTrigger, TriggerError};

/// A task, a trigger, and the point the schedule has reached.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Its name.
    pub id: ScheduleId,
    /// What its jobs run.
    pub task_id: TaskId,
    /// When it fires.
    pub trigger: AnyTrigger,
    /// What its jobs are given.
    pub payload: Payload,
    /// What it says about its jobs; shared where it says nothing.
    pub settings: Arc<ScheduleSettings>,
    /// When it was added, or last replaced.
    pub created_at: DateTime<Utc>,
    /// Whether it fires.
    pub state: ScheduleState,
    /// The next fire time. `None`: exhausted.
    pub next_fire_time: Option<DateTime<Utc>>,
    /// The last fire time that became a job or was skipped. `None`: it has not fired.
    pub last_fire_time: Option<DateTime<Utc>>,
    /// How often it has fired; counts against [`ScheduleSettings::max_fires`].
    pub fires: u64,
    /// Grows with every edit by a user; a release planned before the edit is refused.
    pub revision: Revision,
    /// Number of the last claim; grows with each.
    pub token: LeaseToken,
    /// Who is turning its fire times into jobs. `None`: nobody, as almost always, so it is kept apart.
    pub lease: Option<Box<Lease>>,
}

/// Number of a schedule's definition: grows with every edit by a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// The revision with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number, as stores keep it.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The revision after the next edit.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What a schedule says about its jobs; what it does not say, it inherits from its task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleSettings {
    /// What its jobs say in place of the task.
    pub run: RunSettings,
    /// Longest time a job may start after its fire time. `None`: never too late. Inherited from the task.
    pub misfire_grace_time: Setting<Option<Duration>>,
    /// What becomes of fire times that piled up. Default [`Coalesce::Latest`].
    pub coalesce: Coalesce,
    /// What happens while an earlier job is still there. `None` (the default): see [`Overlap::default_for`].
    pub overlap: Option<Overlap>,
    /// Longest random delay of a job after its fire time. Default zero: none.
    pub max_jitter: Duration,
    /// Fires after which the schedule is finished. Default `None`: no limit. Zero: it never fires.
    pub max_fires: Option<u64>,
    /// Most jobs made at once when [`Coalesce::All`] catches up. Default 1,000; zero counts as 1.
    pub max_catch_up: u32,
    /// How long its jobs' results are kept. Default zero: not kept.
    pub result_expiration_time: Duration,
}

impl Default for ScheduleSettings {
    fn default() -> Self {
        Self {
            run: RunSettings::default(),
            misfire_grace_time: Setting::Inherited,
            coalesce: Coalesce::Latest,
            overlap: None,
            max_jitter: Duration::ZERO,
            max_fires: None,
            max_catch_up: 1000,
            result_expiration_time: Duration::ZERO,
        }
    }
}

impl ScheduleSettings {
    /// What happens while an earlier job is still there, by the setting or its default.
    #[must_use]
    pub fn overlap(&self) -> Overlap {
        self.overlap.unwrap_or(Overlap::default_for(self.coalesce))
    }
}

impl Schedule {
    /// A new schedule, added at `now`: the trigger is anchored, the first fire time computed.
    ///
    /// # Errors
    /// Whatever the trigger reports.
    pub fn new(
        id: ScheduleId,
        task_id: TaskId,
        payload: Payload,
        trigger: &AnyTrigger,
        settings: Arc<ScheduleSettings>,
        now: DateTime<Utc>,
    ) -> Result<Self, TriggerError> {
        let trigger = trigger.anchored_at(now);
        let next_fire_time = trigger.first()?.filter(|_| settings.max_fires != Some(0));
        Ok(Self {
            id,
            task_id,
            payload,
            settings,
            created_at: now,
            state: ScheduleState::after_fire(next_fire_time),
            next_fire_time,
            trigger,
            last_fire_time: None,
            fires: 0,
            revision: Revision::default(),
            token: LeaseToken::default(),
            lease: None,
        })
    }

    /// Fires that `max_fires` leaves. `None`: no limit.
    #[must_use]
    pub fn fires_left(&self) -> Option<u64> {
        self.settings.max_fires.map(|most| most.saturating_sub(self.fires))
    }

    /// Whether a scheduler may acquire it at `now`: active, due, and not in another's hands.
    ///
    /// `acquire_schedules` of every store and [`Schedule::claimable_at`] say the same.
    #[must_use]
    pub fn is_claimable(&self, now: DateTime<Utc>) -> bool {
        self.claimable_at().is_some_and(|at| at <= now)
    }

    /// First instant at which a scheduler may acquire it: its next fire time, or later the end of a lease.
    ///
    /// `None`: not before somebody edits it.
    #[must_use]
    pub fn claimable_at(&self) -> Option<DateTime<Utc>> {
        let due = self.next_fire_time.filter(|_| self.state == ScheduleState::Active)?;
        Some(self.lease.as_ref().map_or(due, |lease| due.max(lease.until)))
    }
}

impl fmt::Display for Schedule {
    /// One line: id, task, state, next fire time, trigger.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {} [{}]", self.id, self.task_id, self.state)?;
        if let Some(next) = self.next_fire_time {
            write!(f, " next {}", next.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))?;
        }
        write!(f, " by {}", self.trigger)
    }
}
