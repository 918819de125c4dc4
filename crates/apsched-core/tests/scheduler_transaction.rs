//! Jobs and schedules that are added within a transaction of the user's: there with its commit, or never.
#![cfg(feature = "scheduler")]
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::time::Duration;

use apsched_core::scheduler::{Error, Pending, Scheduler, Tasks};
use apsched_core::store::StoreTransaction;
use apsched_core::{ConflictPolicy, IntervalTrigger, JobStatus, MemoryStore, StoreError, Task};
use apsched_testkit::{ManualClock, MemoryTransaction};

const SHIP: Task<u32, u32> = Task::new("ship");
const KEEP: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_secs(1);

/// A scheduler that ships, at rest, and the store and clock it works with.
async fn at_rest() -> (Scheduler, MemoryStore, ManualClock) {
    let (store, clock) = (MemoryStore::new(), ManualClock::at("2026-01-01T00:00:00Z"));
    let tasks = Tasks::<()>::new().task(SHIP, async |order: u32| order);
    let builder = Scheduler::builder().data_store(store.clone()).clock(clock.clone()).tasks(tasks);
    let scheduler = builder.poll_interval(POLL).start_in_background().await.unwrap();
    scheduler.wait_until_idle().await;
    (scheduler, store, clock)
}

fn hourly() -> IntervalTrigger {
    IntervalTrigger::every(Duration::from_secs(3600))
}

#[tokio::test]
async fn a_job_runs_when_its_transaction_is_committed_and_not_before() {
    let (scheduler, store, _clock) = at_rest().await;
    let mut transaction = MemoryTransaction::begin(&store);

    let pending = scheduler.add_job(SHIP, 7).keep_result(KEEP).within(&mut transaction).await.unwrap();
    scheduler.wait_until_idle().await;
    let before = pending.value().status().await.unwrap();
    transaction.commit().await.unwrap();
    let job = pending.committed();

    assert!(matches!(before, JobStatus::Unknown), "{before:?}");
    // The clock stands still: no poll finds the job, only what `committed` told.
    assert_eq!(tokio::time::timeout(Duration::from_secs(60), job.result()).await.unwrap().unwrap(), 7);
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_leaves_nothing() {
    let (scheduler, store, _clock) = at_rest().await;
    let mut transaction = MemoryTransaction::begin(&store);

    let jobs = scheduler.add_jobs(SHIP, [1, 2]).within(&mut transaction).await.unwrap();
    let schedule = scheduler.add_schedule(SHIP, 3, hourly()).within(&mut transaction).await.unwrap();
    drop((transaction, jobs, schedule));

    assert!(scheduler.jobs().await.unwrap().is_empty());
    assert!(scheduler.schedules().await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_is_told_before_the_commit_nor_after_a_rollback() {
    let (scheduler, store, _clock) = at_rest().await;
    let mut events = scheduler.events();
    let mut transaction = MemoryTransaction::begin(&store);

    let pending = scheduler.add_job(SHIP, 1).within(&mut transaction).await.unwrap();
    let schedule = scheduler.add_schedule(SHIP, 2, hourly()).within(&mut transaction).await.unwrap();
    drop((pending, schedule));

    assert_eq!(events.try_next(), None);
}

#[tokio::test]
async fn a_commit_that_nobody_is_told_of_is_found_by_the_poll() {
    let (scheduler, store, clock) = at_rest().await;
    let mut transaction = MemoryTransaction::begin(&store);
    let pending = scheduler.add_job(SHIP, 7).keep_result(KEEP).within(&mut transaction).await.unwrap();
    let job = pending.value().clone();

    transaction.commit().await.unwrap();
    drop(pending);
    scheduler.wait_until_idle().await;
    let untold = job.status().await.unwrap();
    clock.advance(POLL);

    assert!(matches!(untold, JobStatus::Active(_)), "{untold:?}");
    assert_eq!(tokio::time::timeout(Duration::from_secs(60), job.result()).await.unwrap().unwrap(), 7);
}

#[tokio::test]
async fn jobs_and_schedules_of_one_transaction_are_there_together() {
    let (scheduler, store, _clock) = at_rest().await;
    let client = Scheduler::builder().data_store(store.clone()).build().unwrap();
    let mut transaction = MemoryTransaction::begin(&store);
    // However the transaction comes, also as one of several kinds.
    let transaction_of_some_kind: &mut dyn StoreTransaction = &mut transaction;

    let jobs = client.add_jobs(SHIP, [1, 2]).within(transaction_of_some_kind).await.unwrap();
    let schedule = client.add_schedule(SHIP, 3, hourly()).id("hourly").within(transaction_of_some_kind);
    let schedule = schedule.await.unwrap();
    transaction.commit().await.unwrap();

    assert_eq!(schedule.committed().as_str(), "hourly");
    assert_eq!(Pending::committed(jobs).len(), 2);
    assert_eq!(scheduler.schedule("hourly").await.unwrap().id.as_str(), "hourly");
}

#[tokio::test]
async fn an_id_that_is_taken_is_refused_and_the_transaction_goes_on() {
    let (scheduler, store, _clock) = at_rest().await;
    scheduler.add_schedule(SHIP, 1, hourly()).id("taken").await.unwrap();
    let mut transaction = MemoryTransaction::begin(&store);
    let mut add = async |id: &str, policy| {
        let request = scheduler.add_schedule(SHIP, 2, hourly()).id(id).conflict_policy(policy);
        request.within(&mut transaction).await
    };

    let taken = add("taken", ConflictPolicy::Error).await.unwrap_err();
    let new = add("new", ConflictPolicy::Error).await.unwrap();
    let new_again = add("new", ConflictPolicy::Error).await.unwrap_err();
    transaction.commit().await.unwrap();

    for error in [taken, new_again] {
        assert!(matches!(error, Error::Store(StoreError::ScheduleExists { .. })), "{error}");
    }
    assert_eq!(new.committed().as_str(), "new");
    assert_eq!(scheduler.schedules().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_request_that_is_wrong_writes_nothing() {
    let (scheduler, store, _clock) = at_rest().await;
    let mut transaction = MemoryTransaction::begin(&store);

    let unknown = scheduler.add_job(Task::<u32, u32>::new("shop"), 1).within(&mut transaction).await;
    transaction.commit().await.unwrap();

    assert!(matches!(unknown, Err(Error::TaskNotFound { .. })), "{unknown:?}");
    assert!(scheduler.jobs().await.unwrap().is_empty());
}
