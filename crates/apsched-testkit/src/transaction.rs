//! A transaction on a store in memory, as a program has one on its database.

use std::collections::BTreeSet;

use apsched_core::event::{Event, EventInterest};
use apsched_core::store::{DataStore, StoreResult, StoreTransaction};
use apsched_core::{ConflictPolicy, Job, MemoryStore, Schedule, ScheduleId};
use async_trait::async_trait;

/// What is added within it is there after [`commit`](Self::commit); dropping it rolls it back.
///
/// One transaction at a time: what others add under the same ids before the commit may make the commit fail halfway.
///
/// ```
/// use apsched_core::{DataStore, MemoryStore, event::EventInterest, store::StoreTransaction};
/// use apsched_testkit::{MemoryTransaction, sample};
///
/// # apsched_testkit::conformance::block_on(async {
/// let store = MemoryStore::new();
/// let mut transaction = MemoryTransaction::begin(&store);
/// transaction.add_jobs(vec![sample::job().build()], EventInterest::NONE).await.unwrap();
/// assert!(store.jobs(&Default::default()).await.unwrap().is_empty());
///
/// transaction.commit().await.unwrap();
/// assert_eq!(store.jobs(&Default::default()).await.unwrap().len(), 1);
/// # });
/// ```
#[derive(Debug)]
pub struct MemoryTransaction {
    store: MemoryStore,
    /// The store as this transaction sees it, as far as was looked.
    seen: MemoryStore,
    seen_schedules: BTreeSet<ScheduleId>,
    writes: Vec<Write>,
}

#[derive(Debug)]
enum Write {
    Jobs(Vec<Job>),
    Schedule(Box<Schedule>, ConflictPolicy),
}

impl MemoryTransaction {
    /// A transaction in which nothing is written yet.
    #[must_use]
    pub fn begin(store: &MemoryStore) -> Self {
        Self {
            store: store.clone(),
            seen: MemoryStore::new(),
            seen_schedules: BTreeSet::new(),
            writes: Vec::new(),
        }
    }

    /// Makes all of it true.
    ///
    /// # Errors
    /// Those of the store, should somebody else have written in between.
    pub async fn commit(self) -> StoreResult<()> {
        for write in self.writes {
            match write {
                Write::Jobs(jobs) => drop(self.store.add_jobs(jobs, EventInterest::NONE).await?),
                Write::Schedule(schedule, policy) => drop(self.store.add_schedule(*schedule, policy).await?),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl StoreTransaction for MemoryTransaction {
    async fn add_jobs(&mut self, jobs: Vec<Job>, interest: EventInterest) -> StoreResult<Vec<Event>> {
        let events = self.seen.add_jobs(jobs.clone(), interest).await?;
        self.writes.push(Write::Jobs(jobs));
        Ok(events)
    }

    async fn add_schedule(&mut self, schedule: Schedule, policy: ConflictPolicy) -> StoreResult<Vec<Event>> {
        if self.seen_schedules.insert(schedule.id.clone())
            && let Some(existing) = self.store.schedule(&schedule.id).await?
        {
            self.seen.add_schedule(existing, ConflictPolicy::Error).await?;
        }
        let events = self.seen.add_schedule(schedule.clone(), policy).await?;
        self.writes.push(Write::Schedule(Box::new(schedule), policy));
        Ok(events)
    }
}
