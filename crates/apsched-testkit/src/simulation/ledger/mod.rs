//! What must be true by now, kept beside the store from the calls it answered, and compared with what it says.
//!
//! The ledger sees every call at the moment at which the store performs it, the order in which they really happened.
//! It believes a store only so far: what a call must have changed is worked out here and looked up there.

mod job;
mod job_call;
mod plan;
mod schedule;
mod settlement;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

use apsched_core::lease::{Lease, LeaseToken};
use apsched_core::{JobId, ScheduleId, SchedulerId, TaskId};

pub(super) use self::job::JobEntry;
pub(super) use self::schedule::ScheduleEntry;
use super::Family;
use super::breach::Check;
use super::scenario::{Scenario, ScheduleKind};

/// Longer than any scenario.
const LONGEST_SCENARIO: Duration = Duration::from_secs(3600);

/// The independent account of one run.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) jobs: BTreeMap<JobId, JobEntry>,
    pub(super) schedules: BTreeMap<ScheduleId, ScheduleEntry>,
    pub(super) limits: BTreeMap<TaskId, Option<u32>>,
    /// Jobs that a scheduler holds.
    held: BTreeSet<JobId>,
    /// Committed jobs without an outcome.
    unfinished: BTreeSet<JobId>,
    /// When the engines planned a claim on a schedule.
    planned_at: BTreeMap<(ScheduleId, LeaseToken), DateTime<Utc>>,
    bounds: Bounds,
    pub(super) tally: Tally,
}

/// What may be expected of this scenario beyond what always holds.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Longest delay of a fire time's job. `None`: faults may delay it.
    fire: Option<Duration>,
    /// Longest delay of a start where a slot is free. `None`: faults may delay it.
    start: Option<(Duration, Check)>,
}

/// What happened, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) jobs: u64,
    pub(super) fire_times: u64,
    pub(super) refused: u64,
    pub(super) recovered: u64,
}

/// A claim as the ledger knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) holder: SchedulerId,
    pub(super) token: LeaseToken,
    pub(super) until: DateTime<Utc>,
}

impl Held {
    fn is_by(&self, holder: &SchedulerId, token: LeaseToken) -> bool {
        self.holder == *holder && self.token == token
    }

    fn is(&self, lease: &Lease) -> bool {
        self.is_by(&lease.holder, lease.token) && self.until == lease.until
    }
}

impl From<&Lease> for Held {
    fn from(lease: &Lease) -> Self {
        Self { holder: lease.holder.clone(), token: lease.token, until: lease.until }
    }
}

impl Ledger {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let is_undisturbed = scenario.faults.leave_nodes_alone();
        let notice = scenario.notice();
        let batches = scenario.load.schedules.div_ceil(scenario.schedule_batch);
        let writing = scenario.latency.most() * 4 * u32::try_from(batches).unwrap_or(u32::MAX);
        let has_room = matches!(scenario.family, Family::Calm | Family::Saturation);
        let in_time = match scenario.family {
            Family::Saturation => Check::NoStarvation,
            _ => Check::StartsInTime,
        };
        let is_every = scenario.load.kind == ScheduleKind::Every;
        Self {
            jobs: BTreeMap::new(),
            schedules: BTreeMap::new(),
            limits: BTreeMap::new(),
            held: BTreeSet::new(),
            unfinished: BTreeSet::new(),
            planned_at: BTreeMap::new(),
            bounds: Bounds {
                fire: (is_undisturbed && is_every).then_some(notice + writing),
                start: (is_undisturbed && has_room)
                    .then_some((notice + writing.min(scenario.poll_interval), in_time)),
            },
            tally: Tally::default(),
        }
    }

    /// Backlogs are let loose now, and may delay others.
    pub(super) const fn end_of_turmoil(&mut self) {
        self.bounds = Bounds { fire: None, start: None };
    }
}
