//! Which request to the store is next, and when. The same answer decides both what is done and how long to sleep, so
//! that nothing can be slept for that will not be done, which would be a spin.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::stop::Phase;
use super::{Action, Engine, Intake};
use crate::instant;

/// What an engine asks of the store, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreRequest {
    /// [`Action::ExtendLeases`].
    ExtendLeases,
    /// [`Action::ReleaseJobs`].
    ReleaseJobs,
    /// [`Action::ReleaseSchedules`].
    ReleaseSchedules,
    /// [`Action::QueryCancelRequests`].
    QueryCancelRequests,
    /// [`Action::Recover`].
    Recover,
    /// [`Action::AcquireSchedules`].
    AcquireSchedules,
    /// [`Action::AcquireJobs`].
    AcquireJobs,
    /// [`Action::QueryWakeups`].
    QueryWakeups,
    /// [`Action::Cleanup`].
    Cleanup,
}

impl StoreRequest {
    pub(super) const ALL: [Self; 9] = [
        Self::ExtendLeases,
        Self::ReleaseJobs,
        Self::ReleaseSchedules,
        Self::QueryCancelRequests,
        Self::Recover,
        Self::AcquireSchedules,
        Self::AcquireJobs,
        Self::QueryWakeups,
        Self::Cleanup,
    ];

    /// Whether a stopping engine still makes it: what it holds is kept and given back, nothing is taken.
    const fn is_made_while_stopping(self) -> bool {
        matches!(
            self,
            Self::ExtendLeases | Self::ReleaseJobs | Self::ReleaseSchedules | Self::QueryCancelRequests
        )
    }
}

impl Engine {
    /// The most urgent request that is due.
    pub(super) fn next_request(&mut self) -> Option<Action> {
        let due = |request: &StoreRequest| self.due_at(*request).is_some_and(|at| at <= self.now);
        let request = StoreRequest::ALL.into_iter().find(due)?;
        Some(self.begin(request))
    }

    /// When a request is to be made. `None`: not before something happens.
    pub(super) fn due_at(&self, request: StoreRequest) -> Option<DateTime<Utc>> {
        let is_made = match self.phase {
            Phase::Running => true,
            Phase::Stopping { .. } => request.is_made_while_stopping(),
            Phase::Stopped => false,
        };
        if !is_made {
            return None;
        }
        match request {
            StoreRequest::ExtendLeases => self.held.renew_at().filter(|_| !self.renewal.is_under_way()),
            StoreRequest::ReleaseJobs => {
                self.writing_jobs.at_once(self.now).filter(|_| self.held.has_unwritten())
            }
            StoreRequest::ReleaseSchedules => {
                self.schedules.at_once(self.now).filter(|_| !self.unwritten_schedules.is_empty())
            }
            StoreRequest::QueryCancelRequests => {
                self.cancel_requests.timeout().filter(|_| !self.held.is_running_none())
            }
            // Own leases first: after a long sleep of the process they have expired, though their holder lives.
            StoreRequest::Recover => self.recovery.timeout().filter(|_| !self.is_renewing()),
            StoreRequest::AcquireSchedules => self
                .schedules
                .timeout()
                .filter(|_| self.takes_schedules() && self.unwritten_schedules.is_empty()),
            StoreRequest::AcquireJobs => self.jobs.timeout().filter(|_| self.takes_jobs()),
            StoreRequest::QueryWakeups => self.look_due_at(),
            StoreRequest::Cleanup => self.cleanup.timeout(),
        }
    }

    fn begin(&mut self, request: StoreRequest) -> Action {
        match request {
            StoreRequest::ExtendLeases => {
                self.renewal.begin();
                Action::ExtendLeases(self.held.begin_renewal(self.now, self.config.lease_duration))
            }
            StoreRequest::ReleaseJobs => {
                self.writing_jobs.begin();
                Action::ReleaseJobs(self.held.begin_writing())
            }
            StoreRequest::ReleaseSchedules => {
                self.schedules.begin_before_it_is_due();
                let plans = Arc::new(std::mem::take(&mut self.unwritten_schedules));
                self.schedules_in_writing = Some(plans.clone());
                Action::ReleaseSchedules(plans)
            }
            StoreRequest::QueryCancelRequests => {
                self.cancel_requests.begin();
                Action::QueryCancelRequests
            }
            StoreRequest::Recover => {
                self.recovery.begin();
                Action::Recover(self.recover_scope)
            }
            StoreRequest::AcquireSchedules => {
                self.schedules.begin();
                Action::AcquireSchedules { limit: self.config.schedule_batch }
            }
            StoreRequest::AcquireJobs => {
                self.jobs.begin();
                self.jobs_limit = self.held.free_slots(self.config.max_concurrent_jobs);
                Action::AcquireJobs { limit: self.jobs_limit }
            }
            StoreRequest::QueryWakeups => {
                self.wakeups.begin();
                Action::QueryWakeups
            }
            StoreRequest::Cleanup => {
                self.cleanup.begin();
                Action::Cleanup
            }
        }
    }

    /// Whether own leases are being renewed, or should be.
    fn is_renewing(&self) -> bool {
        self.renewal.is_under_way() || self.held.renew_at().is_some_and(|at| at <= self.now)
    }

    /// When to ask what will be due: what is being acquired goes first, but request after request
    /// does not hold it up for ever.
    fn look_due_at(&self) -> Option<DateTime<Utc>> {
        let due = self.wakeups.timeout()?;
        Some(if self.is_acquiring() { instant::after(due, self.config.poll_interval) } else { due })
    }

    const fn is_acquiring(&self) -> bool {
        self.schedules.is_under_way() || self.jobs.is_under_way()
    }

    fn takes_schedules(&self) -> bool {
        self.config.role.schedules() && self.intake == Intake::Open
    }

    fn takes_jobs(&self) -> bool {
        self.config.role.works()
            && self.intake == Intake::Open
            && self.held.free_slots(self.config.max_concurrent_jobs) > 0
    }
}
