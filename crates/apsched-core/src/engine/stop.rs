//! How an engine stops: it takes nothing new, lets jobs finish until a deadline, tells the rest to stop, and has stopped
//! when every end is written and every lease is back.
//!
//! A store that does not answer can hold this up only until the leases have expired by themselves. Jobs that run, on
//! threads that cannot be stopped, are waited for however long they take.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::operation::Operation;
use super::{Action, Engine, StopReason};
use crate::instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// Nothing new is taken.
    Stopping {
        /// Jobs may run until then; `None`: they have been told to stop.
        deadline: Option<DateTime<Utc>>,
        /// Writing may be tried until then; the leases have expired by then at the latest.
        give_up_at: DateTime<Utc>,
    },
    Stopped,
}

impl Engine {
    pub(super) fn stop(&mut self, deadline: DateTime<Utc>) {
        let sooner = match self.phase {
            Phase::Running => deadline,
            Phase::Stopping { deadline: Some(earlier), .. } => earlier.min(deadline),
            Phase::Stopping { deadline: None, .. } | Phase::Stopped => return,
        };
        let give_up_at = instant::after(sooner.max(self.now), self.config.lease_duration);
        self.phase = Phase::Stopping { deadline: Some(sooner), give_up_at };
    }

    /// A handler that ended after the deadline has its end written all the same.
    pub(super) fn give_time_to_write(&mut self) {
        if let Phase::Stopping { give_up_at, .. } = &mut self.phase {
            *give_up_at = instant::after(self.now, self.config.lease_duration).max(*give_up_at);
        }
    }

    /// The clock was stepped back by this much.
    pub(super) fn stop_earlier_by(&mut self, step: Duration) {
        if let Phase::Stopping { deadline, give_up_at } = &mut self.phase {
            *deadline = deadline.map(|deadline| instant::before(deadline, step));
            *give_up_at = instant::before(*give_up_at, step);
        }
    }

    /// When to look at the stop again. `None`: not before something happens.
    pub(super) fn stop_due_at(&self) -> Option<DateTime<Utc>> {
        let Phase::Stopping { deadline, give_up_at } = self.phase else { return None };
        deadline.or(Some(give_up_at).filter(|_| self.held.is_running_none()))
    }

    pub(super) fn next_stop_action(&mut self) -> Option<Action> {
        let Phase::Stopping { deadline, give_up_at } = self.phase else { return None };
        if deadline.is_some_and(|deadline| deadline <= self.now) {
            self.phase = Phase::Stopping { deadline: None, give_up_at };
            self.stop_jobs(self.held.running().collect(), StopReason::Shutdown);
            return self.actions.pop_front().or_else(|| self.next_stop_action());
        }
        let is_written = self.held.is_empty() && self.unwritten_schedules.is_empty() && !self.is_changing();
        let is_given_up = give_up_at <= self.now && self.held.is_running_none();
        if is_written || is_given_up {
            self.phase = Phase::Stopped;
            return Some(Action::Stopped);
        }
        None
    }

    /// Whether the store has been asked for a change that it has not answered, renewals aside.
    pub(super) fn is_changing(&self) -> bool {
        let operations = [self.recovery, self.schedules, self.jobs, self.writing_jobs, self.cleanup];
        operations.iter().any(Operation::is_under_way)
    }
}
