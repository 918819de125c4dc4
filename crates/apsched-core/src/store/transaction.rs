//! A transaction of the user's, into which jobs and schedules are written beside the user's own rows.
//!
//! What is written becomes true with the user's commit or not at all: an order and the job that ships it are both there
//! or both not. The store does not begin, commit or roll back; whoever owns the transaction does. So nobody but the owner
//! knows when the events may be published: they are given back, for after the commit.
//!
//! Not here: how a request is written into one ([`AddJob::within`](crate::scheduler::AddJob::within) and its like).

use async_trait::async_trait;

use super::StoreResult;
use crate::event::{Event, EventInterest};
use crate::job::Job;
use crate::schedule::{ConflictPolicy, Schedule};

/// A transaction that the caller began on the database of a [`DataStore`](super::DataStore), and will commit or roll back.
///
/// Each method does what the store's method of the same name does, by the same rules, and sees what was written in the
/// transaction before. What it returns is true after the commit, and is to be published then.
///
/// *Atomicity*: what a method wrote is committed and rolled back with the transaction. One that failed has left nothing
/// to be committed. After [`StoreError::ScheduleExists`](super::StoreError::ScheduleExists) the transaction goes on; after
/// other errors it may be fit for nothing but a rollback, as the database has it.
///
/// *Idempotence*: none is needed. Nothing is repeated within a transaction; who repeats, repeats all of it.
#[async_trait]
pub trait StoreTransaction: Send {
    /// Queues jobs, as [`DataStore::add_jobs`](super::DataStore::add_jobs) does.
    async fn add_jobs(&mut self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>>;

    /// Adds a schedule, as [`DataStore::add_schedule`](super::DataStore::add_schedule) does.
    ///
    /// *Errors*: as there.
    async fn add_schedule(&mut self, schedule: Schedule, policy: ConflictPolicy) -> StoreResult<Vec<Event>>;
}
