//! What was added within a transaction of the user's, until that is committed.
//!
//! A request is written in one way only: into a transaction. `.await` writes it into one of its own, which is committed
//! when the store has answered ([`AtOnce`]); `within` writes it into the user's.

use async_trait::async_trait;

use super::Scheduler;
use crate::event::{Event, EventInterest};
use crate::job::Job;
use crate::schedule::{ConflictPolicy, Schedule};
use crate::store::{DataStore, StoreResult, StoreTransaction};

/// What was added within a transaction of the user's, and is true once that is committed.
///
/// After the commit, [`committed`](Self::committed) tells schedulers and listeners. If it is dropped instead, nobody is
/// told: right after a rollback. After a commit nothing is lost by that but time: schedulers find what was added when they
/// next look at the store, within the [`poll_interval`](super::SchedulerBuilder::poll_interval).
#[must_use = "after the commit, call `committed`; until then nobody hears of what was added"]
#[derive(Clone, Debug)]
pub struct Pending<T> {
    scheduler: Scheduler,
    value: T,
    events: Vec<Event>,
}

impl<T> Pending<T> {
    pub(super) const fn new(scheduler: Scheduler, value: T, events: Vec<Event>) -> Self {
        Self { scheduler, value, events }
    }

    pub(super) fn map<U>(self, then: impl FnOnce(T) -> U) -> Pending<U> {
        Pending { scheduler: self.scheduler, value: then(self.value), events: self.events }
    }

    /// To be called after the commit: tells schedulers and listeners, and gives what `.await` would have given.
    pub fn committed(self) -> T {
        self.scheduler.shared().publish(self.events);
        self.value
    }

    /// What [`committed`](Self::committed) will give; for example to write a job's id into a row of one's own, in the same
    /// transaction.
    pub const fn value(&self) -> &T {
        &self.value
    }
}

/// A transaction for one write, committed when the store has answered.
pub(super) struct AtOnce<'a>(pub(super) &'a dyn DataStore);

#[async_trait]
impl StoreTransaction for AtOnce<'_> {
    async fn add_jobs(&mut self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>> {
        self.0.add_jobs(jobs, interest).await
    }

    async fn add_schedule(&mut self, schedule: Schedule, policy: ConflictPolicy) -> StoreResult<Vec<Event>> {
        self.0.add_schedule(schedule, policy).await
    }
}
