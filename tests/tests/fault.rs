//! A scheduler over a store that fails and is slow: it stays up, tells of it, and every job ends once.
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apsched::event::{Health, StoreHealthChanged};
use apsched::prelude::*;
use apsched_testkit::ManualClock;
use apsched_testkit::fault::{Fault, Faulty, Operation, RandomFaults, Script};

const COUNT: Task<u32, u32> = Task::new("count");
const KEEP: Duration = Duration::from_secs(3600);

type Calls = Arc<Mutex<BTreeMap<u32, u32>>>;

/// A task that counts how often it was called with each number.
fn counting() -> (Tasks, Calls) {
    let calls = Calls::default();
    let counted = calls.clone();
    let tasks = Tasks::new().task_with(
        COUNT,
        move |number: u32| {
            *counted.lock().unwrap().entry(number).or_default() += 1;
            async move { number }
        },
        |task| task.max_running_jobs(None),
    );
    (tasks, calls)
}

#[tokio::test]
async fn every_job_ends_once_though_half_of_all_answers_are_failures() {
    for seed in 0..20 {
        let (tasks, calls) = counting();
        let clock = ManualClock::at("2026-01-01T00:00:00Z");
        let store = MemoryStore::new();
        let faults = RandomFaults::seeded(seed).fail_before(0.3).fail_after(0.2).delay(0.2);
        let faulty = Faulty::new(Arc::new(store.clone()), faults);
        let client = Scheduler::builder().data_store(store).clock(clock.clone()).build().unwrap();
        let ids = client.add_jobs(COUNT, 0..50).keep_result(KEEP).await.unwrap();
        let worker = Scheduler::builder().data_store(faulty).clock(clock.clone()).tasks(tasks);
        let worker = worker.build().unwrap();
        // Starting needs the store as well; whoever starts a scheduler tries again.
        while worker.start_in_background().await.is_err() {}
        for (number, id) in (0..50).zip(ids) {
            let job = client.job::<u32>(id);
            let result = clock.advance_until(job.result()).await;
            // An answer that is lost after a claim leaves a job to be taken back: it may have been abandoned unrun.
            match result {
                Ok(returned) => assert_eq!(returned, number, "seed {seed}"),
                Err(error) => assert!(error.to_string().contains("abandoned"), "seed {seed}: {error}"),
            }
        }
        assert!(
            calls.lock().unwrap().values().all(|calls| *calls == 1),
            "seed {seed}: {:?}",
            calls.lock().unwrap()
        );
        assert_eq!(worker.state(), SchedulerState::Running, "seed {seed}");
    }
}

#[tokio::test]
async fn an_outage_is_told_and_survived() {
    let (tasks, _) = counting();
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let script =
        Script::new().on(Operation::AcquireJobs, [Fault::None, Fault::FailBefore, Fault::FailBefore]);
    let store = Faulty::new(Arc::new(MemoryStore::new()), script);
    let scheduler = Scheduler::builder().data_store(store).clock(clock.clone()).tasks(tasks);
    let scheduler = scheduler.start_in_background().await.unwrap();
    scheduler.wait_until_idle().await;
    let mut health = scheduler.events_of::<StoreHealthChanged>();
    let job = scheduler.add_job(COUNT, 7).keep_result(KEEP).await.unwrap();
    let result = clock.advance_until(job.result()).await;
    assert_eq!(result.unwrap(), 7);
    let mut turns = Vec::new();
    for _ in 0..2 {
        turns.push(health.next().await.and_then(apsched::broker::EventItem::event).unwrap().health);
    }
    assert!(matches!(turns[..], [Health::Unhealthy(_), Health::Healthy]), "{turns:?}");
    assert_eq!(scheduler.store_health(), Health::Healthy);
}
