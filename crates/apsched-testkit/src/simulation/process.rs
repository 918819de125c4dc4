//! One process: an engine, its clock, and the handlers that run in it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use apsched_core::engine::{Engine, Input, StopReason, StoreRequest};
use apsched_core::event::Event;
use apsched_core::lease::LeaseToken;
use apsched_core::{Abilities, AttemptEnd, JobId, SchedulerId, instant};

use super::store_call::StoreCall;

/// A run of a scheduler, from its start to its crash or stop.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) id: SchedulerId,
    /// The node it runs on; the next process of this node takes its place.
    pub(super) node: usize,
    pub(super) engine: Engine,
    pub(super) abilities: Arc<Abilities>,
    pub(super) state: ProcessState,
    /// What its clock shows more than the true time; negative: less.
    pub(super) clock_error: TimeDelta,
    /// The instant on its own clock for which an alarm is set, and the alarm's number.
    pub(super) alarm: Option<DateTime<Utc>>,
    pub(super) alarms: u64,
    pub(super) attempts: Vec<RunningAttempt>,
    /// What arrived while it was frozen.
    pub(super) mailbox: Vec<Arrival>,
    /// Requests that had not left when it froze.
    pub(super) unsent: Vec<Sent>,
    pub(super) calls: u64,
    /// Whether it may hold what it does not know of, because the answer to a claim was lost.
    pub(super) has_lost_answer: bool,
    /// Whether its leases may have run out through no fault of its engine.
    pub(super) had_trouble: bool,
    pub(super) is_stopping: bool,
}

/// A call on its way to the store.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) call: StoreCall,
    /// What the engine is told when it fails.
    pub(super) request: StoreRequest,
}

/// Whether a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProcessState {
    Up,
    /// It stands still, and time goes on.
    Frozen,
    Gone,
}

/// A handler that runs.
#[derive(Clone, Debug)]
pub(super) struct RunningAttempt {
    pub(super) job_id: JobId,
    pub(super) token: LeaseToken,
    pub(super) started_at: DateTime<Utc>,
    pub(super) end: AttemptEnd,
    pub(super) manner: Manner,
    pub(super) told: Option<StopReason>,
}

/// How a handler takes it to be told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It ends soon.
    Obeys,
    /// It goes on to its end, as a thread does.
    GoesOn,
}

/// What can reach a process.
#[derive(Debug)]
pub(super) enum Arrival {
    Hint(Input),
    Answer(Box<(Input, Vec<Event>)>),
    AttemptEnds { job_id: JobId, token: LeaseToken },
    Alarm(u64),
    Command(Input),
}

impl Process {
    pub(super) fn now(&self, truly: DateTime<Utc>) -> DateTime<Utc> {
        truly + self.clock_error
    }

    pub(super) fn is_gone(&self) -> bool {
        self.state == ProcessState::Gone
    }

    /// Time until its clock shows the instant that the engine wants to be woken at, if that alarm is not set already.
    pub(super) fn new_alarm(&mut self, truly: DateTime<Utc>) -> Option<Duration> {
        let at = self.engine.poll_timeout();
        if self.alarm == at {
            return None;
        }
        self.alarm = at;
        self.alarms += 1;
        at.map(|at| instant::between(self.now(truly), at))
    }
}
