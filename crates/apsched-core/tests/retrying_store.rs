//! An outage of the store as users see it when the store is wrapped in `Retrying`: calls take longer, and that is all.
#![cfg(feature = "scheduler")]
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use apsched_core::broker::EventItem;
use apsched_core::event::{EventInterest, Health, StoreHealthChanged};
use apsched_core::scheduler::{Clock, Error, Result, Scheduler, SchedulerState, Tasks};
use apsched_core::store::{
    AcquireJobs, AcquireSchedules, ExtendLeases, Recover, RecoverScope, ReleaseJobs, ReleaseSchedules,
    Retrying, WakeupQuery,
};
use apsched_core::{
    Abilities, Backoff, ConflictPolicy, DataStore, DateTrigger, IntervalTrigger, MemoryStore, StoreError,
    Task,
};
use apsched_testkit::fault::{Fault, Faulty, Operation, Script};
use apsched_testkit::{ManualClock, sample};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

const COUNT: Task<u32, u32> = Task::new("count");
const MINUTE: Duration = Duration::from_secs(60);
const KEEP: Duration = Duration::from_secs(3600);

/// A store that can be made to fail, and the clock that everybody goes by.
struct World {
    clock: ManualClock,
    store: MemoryStore,
    faulty: Faulty<MemoryStore>,
    calls: Arc<AtomicU32>,
}

impl World {
    fn new() -> Self {
        let store = MemoryStore::new();
        Self {
            clock: ManualClock::at("2026-01-01T00:00:00Z"),
            faulty: Faulty::new(Arc::new(store.clone()), |_| Fault::None),
            store,
            calls: Arc::default(),
        }
    }

    /// From now on nothing is answered, for a minute.
    fn break_down(&self) {
        let (clock, end) = (self.clock.clone(), self.clock.now() + MINUTE);
        self.faulty.set_plan(move |_| if clock.now() < end { Fault::FailBefore } else { Fault::None });
    }

    /// The next call of this operation is done, and its answer lost.
    fn lose_answer(&self, operation: Operation) {
        self.faulty.set_plan(Script::new().on(operation, [Fault::FailAfter]));
    }

    fn scheduler(&self, store: impl DataStore) -> Scheduler {
        Scheduler::builder().data_store(store).clock(self.clock.clone()).build().unwrap()
    }

    /// A scheduler that adds, lists and waits, and drives nothing.
    fn client(&self) -> Scheduler {
        self.scheduler(Retrying::new(self.faulty.clone()))
    }

    /// A client whose pauses are long enough for others to do something in between.
    fn slow_client(&self) -> Scheduler {
        self.scheduler(Retrying::new(self.faulty.clone()).backoff(Backoff::fixed(MINUTE)))
    }

    /// A scheduler that counts.
    fn worker(&self, store: impl DataStore) -> Scheduler {
        let calls = self.calls.clone();
        let tasks = Tasks::<()>::new().task(COUNT, move |number: u32| {
            calls.fetch_add(1, Ordering::SeqCst);
            async move { number }
        });
        let builder = Scheduler::builder().data_store(store).clock(self.clock.clone()).tasks(tasks);
        builder.build().unwrap()
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    async fn let_pass(&self, time: Duration) {
        self.clock.advance_until(self.clock.sleep_until(self.clock.now() + time)).await;
    }
}

fn hourly() -> IntervalTrigger {
    IntervalTrigger::every(Duration::from_secs(3600))
}

const fn is_transient(error: &Error) -> bool {
    matches!(error, Error::Store(error) if error.is_transient())
}

#[tokio::test]
async fn users_notice_nothing_of_an_outage_but_the_delay() {
    type CallOf = fn(Scheduler) -> BoxFuture<'static, Result<()>>;
    let calls: [(&str, CallOf); 15] = [
        ("add_job", |it| async move { it.add_job(COUNT, 1).await.map(drop) }.boxed()),
        ("add_jobs", |it| async move { it.add_jobs(COUNT, [1, 2]).await.map(drop) }.boxed()),
        ("add_schedule", |it| async move { it.add_schedule(COUNT, 1, hourly()).await.map(drop) }.boxed()),
        ("schedule", |it| async move { it.schedule("hourly").await.map(drop) }.boxed()),
        ("schedules", |it| async move { it.schedules().await.map(drop) }.boxed()),
        ("jobs", |it| async move { it.jobs().await.map(drop) }.boxed()),
        ("tasks", |it| async move { it.tasks().await.map(drop) }.boxed()),
        ("configure_task", |it| async move { it.configure_task(COUNT).await.map(drop) }.boxed()),
        ("remove_task", |it| async move { it.remove_task(COUNT).await }.boxed()),
        ("pause_schedule", |it| async move { it.pause_schedule("hourly").await }.boxed()),
        ("update_schedule", |it| async move { it.update_schedule("hourly").payload(2_u32).await }.boxed()),
        ("fire_schedule", |it| async move { it.fire_schedule("hourly").await.map(drop) }.boxed()),
        ("cancel_job", |it| async move { it.cancel_job(sample::job_id()).await }.boxed()),
        ("status", |it| async move { it.job::<u32>(sample::job_id()).status().await.map(drop) }.boxed()),
        ("remove_schedule", |it| async move { it.remove_schedule("hourly").await }.boxed()),
    ];
    for (name, call) in calls {
        let world = World::new();
        let client = world.client();
        client.add_schedule(COUNT, 1, hourly()).id("hourly").await.unwrap();
        let before = world.clock.now();
        world.break_down();

        let answer = world.clock.advance_until(call(client)).await;

        answer.unwrap_or_else(|error| panic!("{name}: {error}"));
        let took = (world.clock.now() - before).to_std().unwrap();
        assert!((MINUTE..=MINUTE + Duration::from_secs(5)).contains(&took), "{name} took {took:?}");
    }
}

#[tokio::test]
async fn without_the_wrapper_a_call_fails_at_once() {
    let world = World::new();
    let client = world.scheduler(world.faulty.clone());
    client.tasks().await.unwrap();
    world.break_down();

    let error = client.add_job(COUNT, 1).await.unwrap_err();

    assert!(is_transient(&error), "{error}");
    assert_eq!(world.clock.next_sleep(), None, "nobody waits");
}

#[tokio::test]
async fn a_start_waits_for_a_store_that_is_not_up_yet() {
    let world = World::new();
    world.break_down();
    let worker = world.worker(Retrying::new(world.faulty.clone()));

    world.clock.advance_until(worker.start_in_background()).await.unwrap();

    assert_eq!(worker.state(), SchedulerState::Running);
    assert_eq!(worker.run_job(COUNT, 7).await.unwrap(), 7);
}

#[tokio::test]
async fn without_the_wrapper_a_start_fails_at_once_and_can_be_repeated() {
    let world = World::new();
    world.break_down();
    let worker = world.worker(world.faulty.clone());

    let error = worker.start_in_background().await.unwrap_err();
    world.let_pass(MINUTE).await;
    worker.start_in_background().await.unwrap();

    assert!(is_transient(&error), "{error}");
}

#[tokio::test]
async fn an_outage_is_told_once_at_each_turn_however_many_wait() {
    let world = World::new();
    let client = world.client();
    client.tasks().await.unwrap();
    let mut turns = client.events_of::<StoreHealthChanged>();
    for _ in 0..2 {
        world.break_down();
        let mut waiting: Vec<_> = (0..3).map(|number| client.add_job(COUNT, number).into_future()).collect();
        assert!(waiting.iter_mut().all(|call| call.now_or_never().is_none()), "all of them wait");
        assert!(matches!(client.store_health(), Health::Unhealthy(_)));

        for call in waiting {
            world.clock.advance_until(call).await.unwrap();
        }

        assert_eq!(client.store_health(), Health::Healthy);
        let told: Vec<_> = std::iter::from_fn(|| turns.next().now_or_never().flatten())
            .filter_map(EventItem::event)
            .map(|turn| turn.health)
            .collect();
        assert!(matches!(told[..], [Health::Unhealthy(_), Health::Healthy]), "{told:?}");
    }
}

#[tokio::test]
async fn a_running_scheduler_survives_an_outage_wrapped_or_not() {
    let worlds = [World::new(), World::new()];
    let wrapped = worlds[0].worker(Retrying::new(worlds[0].faulty.clone()));
    let bare = worlds[1].worker(worlds[1].faulty.clone());
    for (world, worker) in worlds.iter().zip([wrapped, bare]) {
        worker.start_in_background().await.unwrap();
        worker.wait_until_idle().await;
        let mut turns = worker.events_of::<StoreHealthChanged>();
        world.break_down();
        // The loop notices before anybody adds something.
        let down = world.clock.advance_until(turns.next()).await.and_then(EventItem::event).unwrap();
        let client = world.scheduler(world.store.clone());
        let job = client.add_job(COUNT, 7).keep_result(KEEP).await.unwrap();

        assert_eq!(world.clock.advance_until(job.result()).await.unwrap(), 7);
        let up = turns.next().await.and_then(EventItem::event).unwrap();
        assert!(matches!([down.health, up.health], [Health::Unhealthy(_), Health::Healthy]));
        assert_eq!(worker.state(), SchedulerState::Running);
    }
}

#[tokio::test]
async fn calls_of_the_loop_are_handed_through_and_fail_at_once() {
    let world = World::new();
    world.break_down();
    let store = Retrying::new(world.faulty.clone());
    let (scheduler_id, now) = (sample::scheduler_id("a"), sample::at(0));
    let (lease, limit, interest) = (MINUTE, 1, EventInterest::ALL);
    let abilities = Arc::new(Abilities::new([], []));
    let id = scheduler_id.clone();

    let answers = [
        store.acquire_schedules(AcquireSchedules { scheduler_id: id.clone(), now, lease, limit }).await.err(),
        store
            .release_schedules(ReleaseSchedules {
                scheduler_id: id.clone(),
                now,
                releases: Arc::default(),
                interest,
            })
            .await
            .err(),
        store
            .acquire_jobs(AcquireJobs {
                scheduler_id: id.clone(),
                now,
                lease,
                limit,
                abilities: abilities.clone(),
                interest,
            })
            .await
            .err(),
        store
            .extend_leases(ExtendLeases { scheduler_id: id.clone(), now, lease, jobs: Vec::new() })
            .await
            .err(),
        store
            .release_jobs(ReleaseJobs { scheduler_id: id.clone(), now, releases: Arc::default(), interest })
            .await
            .err(),
        store
            .recover(Recover { scheduler_id: id.clone(), now, scope: RecoverScope::Expired, limit, seed: 0 })
            .await
            .err(),
        store.cancel_requests(&scheduler_id).await.err(),
        store.next_wakeup(WakeupQuery { scheduler_id: id, now, abilities }).await.err(),
        store.cleanup(now).await.err(),
    ];

    assert!(answers.iter().flatten().all(StoreError::is_transient));
    assert_eq!((answers.iter().flatten().count(), world.faulty.calls()), (9, 9), "each was tried once");
}

#[tokio::test]
async fn what_does_not_pass_is_told_at_once() {
    let world = World::new();
    let client = world.client();

    let error = client.remove_schedule("none").await.unwrap_err();

    assert!(matches!(error, Error::ScheduleNotFound { .. }), "{error}");
    assert_eq!(world.faulty.calls_of(Operation::RemoveSchedule), 1);
}

#[tokio::test]
async fn who_waits_long_enough_gives_up() {
    for most in [Duration::from_secs(10), Duration::ZERO] {
        let world = World::new();
        let client = world.scheduler(Retrying::new(world.faulty.clone()).give_up_after(most));
        client.tasks().await.unwrap();
        let before = world.clock.now();
        world.break_down();

        let error = world.clock.advance_until(client.add_job(COUNT, 1)).await.unwrap_err();

        assert!(is_transient(&error), "{error}");
        assert_eq!((world.clock.now() - before).to_std().unwrap(), most);
        assert!(matches!(client.store_health(), Health::Unhealthy(_)));
    }
}

#[tokio::test]
async fn pauses_grow_up_to_the_longest() {
    let world = World::new();
    let backoff = Backoff {
        initial: Duration::from_secs(1),
        max: Duration::from_secs(4),
        jitter: 0.0,
        ..Backoff::default()
    };
    let client = world.scheduler(Retrying::new(world.faulty.clone()).backoff(backoff));
    client.tasks().await.unwrap();
    world.break_down();

    let mut call = client.add_job(COUNT, 1).into_future();
    let mut tries: Vec<DateTime<Utc>> = Vec::new();
    while tries.len() < 5 {
        assert!((&mut call).now_or_never().is_none());
        tries.push(world.clock.now());
        world.clock.advance_to_next_sleep();
    }

    let pauses: Vec<i64> = tries.windows(2).map(|pair| (pair[1] - pair[0]).num_seconds()).collect();
    assert_eq!(pauses, [1, 2, 4, 4]);
}

#[tokio::test]
async fn a_call_that_is_dropped_is_not_tried_again() {
    let world = World::new();
    let client = world.client();
    client.tasks().await.unwrap();
    world.break_down();

    let mut call = client.add_job(COUNT, 1).into_future();
    assert!((&mut call).now_or_never().is_none());
    drop(call);
    world.clock.advance(2 * MINUTE);

    assert_eq!(world.clock.next_sleep(), None, "nobody waits");
    assert!(client.jobs().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_schedule_whose_adding_was_not_answered_is_no_conflict_with_itself() {
    let world = World::new();
    let client = world.client();
    world.lose_answer(Operation::AddSchedule);

    let id = world.clock.advance_until(client.add_schedule(COUNT, 1, hourly()).id("hourly")).await.unwrap();

    assert_eq!(world.faulty.calls_of(Operation::AddSchedule), 2);
    assert_eq!(client.schedules().await.unwrap().len(), 1);
    assert_eq!(id.as_str(), "hourly");
}

#[tokio::test]
async fn somebody_elses_schedule_is_a_conflict_also_after_an_outage() {
    let world = World::new();
    let client = world.client();
    client.add_schedule(COUNT, 1, hourly()).id("hourly").await.unwrap();
    world.break_down();

    let add = client.add_schedule(COUNT, 2, hourly()).id("hourly");
    let error = world.clock.advance_until(add).await.unwrap_err();

    assert!(matches!(error, Error::Store(StoreError::ScheduleExists { .. })), "{error}");
}

#[tokio::test]
async fn a_schedule_whose_replacing_was_not_answered_does_not_fire_again() {
    let world = World::new();
    let worker = world.worker(world.store.clone());
    worker.start_in_background().await.unwrap();
    let client = world.slow_client();
    world.lose_answer(Operation::AddSchedule);

    let now = DateTrigger::at(world.clock.now());
    let add = client.add_schedule(COUNT, 1, now).id("once").conflict_policy(ConflictPolicy::Replace);
    // The worker fires it before it is tried again.
    world.clock.advance_until(add).await.unwrap();
    world.let_pass(MINUTE).await;

    assert_eq!(world.calls(), 1);
}

#[tokio::test]
async fn a_removal_that_was_not_answered_is_done() {
    let world = World::new();
    let client = world.client();
    client.add_schedule(COUNT, 1, hourly()).id("hourly").await.unwrap();
    world.lose_answer(Operation::RemoveSchedule);

    world.clock.advance_until(client.remove_schedule("hourly")).await.unwrap();

    assert!(client.schedules().await.unwrap().is_empty());
}

#[tokio::test]
async fn jobs_whose_adding_was_not_answered_run_once() {
    let world = World::new();
    let worker = world.worker(world.store.clone());
    worker.start_in_background().await.unwrap();
    let client = world.slow_client();
    world.lose_answer(Operation::AddJobs);

    // The worker runs them before they are added again.
    let add = client.add_jobs(COUNT, [1, 2, 3]).keep_result(KEEP);
    let jobs = world.clock.advance_until(add).await.unwrap();
    world.let_pass(MINUTE).await;

    assert_eq!((jobs.len(), world.calls()), (3, 3));
}
