//! A schedule's life as a user sees it: add, fire, overlap, misfire, pause, update, finish, remove. Time is moved by hand.
#![cfg(feature = "scheduler")]
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::sync::Arc;
use std::time::Duration;

use apsched_core::engine::Role;
use apsched_core::event::FireTimesCutOff;
use apsched_core::scheduler::{Error, JobContext, Tasks};
use apsched_core::trigger::Trigger;
use apsched_core::{
    AnyTrigger, Coalesce, ConflictPolicy, CronTrigger, CustomTrigger, DateTrigger, IntervalTrigger,
    JobOutcome, Overlap, Schedule, ScheduleId, ScheduleState, StoreError, Task, TriggerError,
};
use apsched_testkit::TestScheduler;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Semaphore;

const TICK: Task = Task::new("tick");
const ECHO: Task<String> = Task::new("echo");
const MINUTE: Duration = Duration::from_secs(60);

fn at(seconds: i64) -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(seconds)
}

/// A world with a task that does nothing.
fn world() -> TestScheduler {
    let tasks = Tasks::<()>::new().task(TICK, async || ()).task(ECHO, async |_: String| ());
    TestScheduler::at("2026-01-01T00:00:00Z").tasks(tasks)
}

fn every_minute() -> IntervalTrigger {
    IntervalTrigger::every(MINUTE)
}

/// Seconds after the start at which the jobs of schedules were due.
fn fired(world: &TestScheduler) -> Vec<i64> {
    world.fired().map(|fire| (fire.run_at - at(0)).num_seconds()).collect()
}

fn outcomes(world: &TestScheduler) -> Vec<JobOutcome> {
    world.ended().map(|end| end.outcome).collect()
}

async fn get(world: &mut TestScheduler, id: &ScheduleId) -> Schedule {
    world.scheduler().schedule(id).await.unwrap()
}

#[tokio::test]
async fn an_interval_fires_at_once_and_then_every_so_often() {
    let mut world = world();
    world.add_schedule(TICK, (), every_minute()).await.unwrap();
    world.advance(Duration::from_secs(185)).await.unwrap();
    assert_eq!(fired(&world), [0, 60, 120, 180]);
    assert_eq!(outcomes(&world), [JobOutcome::Success; 4]);
}

#[tokio::test]
async fn a_job_knows_its_fire_time() {
    const WHEN: Task = Task::new("when");
    let tasks = Tasks::<()>::new().task(WHEN, async |job: JobContext| {
        assert_eq!(job.fire_time(), Some(job.now()));
    });
    let mut world = TestScheduler::at("2026-01-01T00:00:00Z").tasks(tasks);
    world.add_schedule(WHEN, (), every_minute()).await.unwrap();
    world.advance(MINUTE).await.unwrap();
    assert_eq!(outcomes(&world), [JobOutcome::Success; 2]);
}

#[tokio::test]
async fn a_date_fires_once_and_the_schedule_is_finished_and_then_cleaned_up() {
    let mut world = world();
    let id = world.add_schedule(TICK, (), DateTrigger::at(at(30))).await.unwrap();
    world.advance(MINUTE).await.unwrap();
    assert_eq!(fired(&world), [30]);
    let finished = get(&mut world, &id).await;
    assert_eq!((finished.state, finished.next_fire_time, finished.fires), (ScheduleState::Finished, None, 1));
    world.advance(Duration::from_secs(2 * 86_400)).await.unwrap();
    assert!(matches!(world.scheduler().schedule(&id).await, Err(Error::ScheduleNotFound { .. })));
}

#[tokio::test]
async fn max_fires_finishes_the_schedule() {
    let mut world = world();
    world.add_schedule(TICK, (), every_minute()).max_fires(3).await.unwrap();
    world.advance(MINUTE * 10).await.unwrap();
    assert_eq!(fired(&world), [0, 60, 120]);
}

/// A world whose scheduler was away for ten minutes after this schedule was added.
async fn after_downtime(coalesce: Coalesce, max_catch_up: u32) -> TestScheduler {
    let mut world = world().configure(|builder| builder.start_paused());
    let schedule = world.add_schedule(TICK, (), every_minute()).coalesce(coalesce).max_catch_up(max_catch_up);
    schedule.await.unwrap();
    world.advance(MINUTE * 10 + Duration::from_secs(1)).await.unwrap();
    assert_eq!(fired(&world), [0; 0]);
    world.scheduler().resume().unwrap();
    world
}

#[tokio::test]
async fn what_was_missed_becomes_one_job_at_the_latest_fire_time() {
    let mut world = after_downtime(Coalesce::Latest, 1000).await;
    world.settle().await.unwrap();
    assert_eq!(fired(&world), [600]);
}

#[tokio::test]
async fn or_one_at_the_earliest() {
    let mut world = after_downtime(Coalesce::Earliest, 1000).await;
    world.advance(MINUTE).await.unwrap();
    assert_eq!(fired(&world), [0, 660]);
}

#[tokio::test]
async fn or_one_for_each_oldest_first() {
    let mut world = after_downtime(Coalesce::All, 1000).await;
    world.settle().await.unwrap();
    assert_eq!(fired(&world), (0..=10).map(|minute| minute * 60).collect::<Vec<_>>());
    assert_eq!(outcomes(&world), [JobOutcome::Success; 11]);
}

#[tokio::test]
async fn what_is_cut_off_is_reported() {
    let mut world = after_downtime(Coalesce::All, 4).await;
    let cut_off = world.scheduler().next_event::<FireTimesCutOff>();
    world.settle().await.unwrap();
    assert_eq!(fired(&world), [0, 60, 120, 180]);
    let cut_off = cut_off.await.unwrap();
    assert_eq!((cut_off.first, cut_off.last), (at(240), at(600)));
}

#[tokio::test]
async fn a_job_past_its_grace_time_is_recorded_and_not_run() {
    let mut world = world().configure(|builder| builder.start_paused());
    let strict = world.add_schedule(TICK, (), DateTrigger::at(at(0))).misfire_grace_time(MINUTE);
    strict.await.unwrap();
    world.advance(MINUTE + Duration::from_micros(1)).await.unwrap();
    world.scheduler().resume().unwrap();
    world.settle().await.unwrap();
    assert_eq!(outcomes(&world), [JobOutcome::MissedStartDeadline]);
}

#[tokio::test]
async fn a_job_within_its_grace_time_is_run() {
    let mut world = world().configure(|builder| builder.start_paused());
    let tolerant = world.add_schedule(TICK, (), DateTrigger::at(at(0))).misfire_grace_time(MINUTE);
    tolerant.await.unwrap();
    world.advance(MINUTE).await.unwrap();
    world.scheduler().resume().unwrap();
    world.settle().await.unwrap();
    assert_eq!(outcomes(&world), [JobOutcome::Success]);
}

#[tokio::test]
async fn a_job_waits_for_a_worker_until_its_deadline_only() {
    let mut world = world().configure(|builder| builder.role(Role::Scheduler));
    let strict = world.add_schedule(TICK, (), DateTrigger::at(at(0))).misfire_grace_time(MINUTE);
    strict.await.unwrap();
    world.advance(MINUTE).await.unwrap();
    assert_eq!(outcomes(&world), []);
    world.advance(Duration::from_secs(1)).await.unwrap();
    assert_eq!(outcomes(&world), [JobOutcome::MissedStartDeadline]);
}

#[tokio::test]
async fn jitter_stays_within_its_bound_and_before_the_next_fire_time() {
    let mut world = world();
    world.add_schedule(TICK, (), every_minute()).max_jitter(MINUTE * 5).max_fires(201).await.unwrap();
    world.advance(MINUTE * 210).await.unwrap();
    let mut delays: Vec<TimeDelta> =
        (0..).zip(world.fired()).map(|(n, fire)| fire.run_at - at(n * 60)).collect();
    assert_eq!(delays.len(), 201);
    let last = delays.pop().unwrap();
    assert!((TimeDelta::zero()..=TimeDelta::minutes(5)).contains(&last), "nothing follows the last: {last}");
    assert!(
        delays.iter().all(|delay| (TimeDelta::zero()..TimeDelta::minutes(1)).contains(delay)),
        "{delays:?}"
    );
    assert!(delays.iter().any(|delay| *delay > TimeDelta::seconds(50)), "spread over the whole minute");
}

/// Two fires of a schedule whose jobs wait in the queue, since no worker is there.
async fn two_fires_without_a_worker(overlap: Option<Overlap>, coalesce: Coalesce) -> TestScheduler {
    let mut world = world().configure(|builder| builder.role(Role::Scheduler));
    let schedule = world.add_schedule(TICK, (), every_minute()).coalesce(coalesce).keep_results(MINUTE * 60);
    let schedule = match overlap {
        Some(overlap) => schedule.overlap(overlap),
        None => schedule,
    };
    schedule.await.unwrap();
    world.advance(MINUTE).await.unwrap();
    world
}

#[tokio::test]
async fn a_fire_time_that_meets_an_earlier_job_is_skipped_and_recorded() {
    let mut world = two_fires_without_a_worker(None, Coalesce::Latest).await;
    assert_eq!((fired(&world), outcomes(&world)), (vec![0], vec![JobOutcome::Skipped]));
    let skipped = world.ended().next().unwrap().job_id;
    let result = world.scheduler().data_store().job_result(skipped).await.unwrap().unwrap();
    assert_eq!((result.fire_time, result.attempt), (Some(at(60)), 0));
}

#[tokio::test]
async fn or_it_is_queued() {
    let world = two_fires_without_a_worker(Some(Overlap::Queue), Coalesce::Latest).await;
    assert_eq!((fired(&world), outcomes(&world)), (vec![0, 60], vec![]));
    let world = two_fires_without_a_worker(None, Coalesce::All).await;
    assert_eq!(fired(&world), [0, 60], "the default when all fire times are to run");
}

#[tokio::test]
async fn or_it_replaces_the_earlier_job() {
    let world = two_fires_without_a_worker(Some(Overlap::Replace), Coalesce::Latest).await;
    assert_eq!((fired(&world), outcomes(&world)), (vec![0, 60], vec![JobOutcome::Cancelled]));
}

#[tokio::test]
async fn a_paused_schedule_makes_no_jobs_and_goes_on_where_it_is_told() {
    let mut world = world();
    let id = world.add_schedule(TICK, (), every_minute()).await.unwrap();
    world.settle().await.unwrap();
    world.scheduler().pause_schedule(&id).await.unwrap();
    world.advance(MINUTE * 5 + Duration::from_secs(30)).await.unwrap();
    assert_eq!(fired(&world), [0]);

    world.scheduler().unpause_schedule(&id).resume_from_now().await.unwrap();
    world.advance(MINUTE).await.unwrap();
    assert_eq!(fired(&world), [0, 360]);

    world.scheduler().pause_schedule(&id).await.unwrap();
    world.advance(MINUTE * 5).await.unwrap();
    world.scheduler().unpause_schedule(&id).await.unwrap();
    world.settle().await.unwrap();
    assert_eq!(fired(&world), [0, 360, 660], "without more it catches up what it missed");
}

#[tokio::test]
async fn a_schedule_can_be_added_paused() {
    let mut world = world();
    let id = world.add_schedule(TICK, (), every_minute()).start_paused().await.unwrap();
    world.advance(MINUTE).await.unwrap();
    assert_eq!((fired(&world), get(&mut world, &id).await.state), (vec![], ScheduleState::Paused));
}

#[tokio::test]
async fn running_a_schedule_by_hand_does_not_move_its_next_fire_time() {
    let mut world = world();
    let later = every_minute().starting_at(at(60));
    let id = world.add_schedule(TICK, (), later).await.unwrap();
    let job = world.scheduler().fire_schedule(&id).await.unwrap();
    world.settle().await.unwrap();
    assert_eq!(world.ended().map(|end| end.job_id).collect::<Vec<_>>(), [job]);
    let schedule = get(&mut world, &id).await;
    assert_eq!((schedule.next_fire_time, schedule.fires), (Some(at(60)), 0));
}

#[tokio::test]
async fn an_update_changes_what_it_names() {
    let mut world = world();
    let id = world.add_schedule(ECHO, "Ada".to_owned(), every_minute()).await.unwrap();
    world.settle().await.unwrap();
    world.scheduler().update_schedule(&id).payload("Grace".to_owned()).max_fires(9).await.unwrap();
    let schedule = get(&mut world, &id).await;
    assert_eq!((schedule.next_fire_time, schedule.settings.max_fires), (Some(at(60)), Some(9)));
    let hourly = CronTrigger::from_crontab("@hourly").unwrap();
    world.scheduler().update_schedule(&id).trigger(hourly).await.unwrap();
    world.advance(Duration::from_secs(3600)).await.unwrap();
    assert_eq!(fired(&world), [0, 3600], "midnight is a fire time of the new trigger too, and has fired");
}

#[tokio::test]
async fn removing_a_schedule_keeps_its_jobs_unless_asked() {
    for cancel in [false, true] {
        let mut world = world().configure(|builder| builder.role(Role::Scheduler));
        let id = world.add_schedule(TICK, (), every_minute()).await.unwrap();
        world.settle().await.unwrap();
        let request = world.scheduler().remove_schedule(&id);
        let request = if cancel { request.cancel_jobs() } else { request };
        request.await.unwrap();
        world.advance(MINUTE * 3).await.unwrap();
        assert_eq!(fired(&world), [0]);
        assert_eq!(outcomes(&world).contains(&JobOutcome::Cancelled), cancel);
    }
}

#[tokio::test]
async fn the_conflict_policy_decides_when_an_id_is_taken() {
    let mut world = world();
    let add = |world: &mut TestScheduler, every: u64, policy| {
        let trigger = IntervalTrigger::every(Duration::from_secs(every));
        let request = world.add_schedule(TICK, (), trigger).id("one").conflict_policy(policy);
        async move { request.await }
    };
    let id = add(&mut world, 60, ConflictPolicy::Error).await.unwrap();
    world.settle().await.unwrap();
    let taken = add(&mut world, 60, ConflictPolicy::Error).await.unwrap_err();
    assert!(matches!(taken, Error::Store(StoreError::ScheduleExists { .. })), "{taken}");
    add(&mut world, 30, ConflictPolicy::DoNothing).await.unwrap();
    assert_eq!(get(&mut world, &id).await.next_fire_time, Some(at(60)));
    add(&mut world, 60, ConflictPolicy::Update).await.unwrap();
    assert_eq!(get(&mut world, &id).await.fires, 1, "an equal definition changes nothing");
    add(&mut world, 60, ConflictPolicy::Replace).await.unwrap();
    assert_eq!(get(&mut world, &id).await.fires, 0, "as new");
}

#[tokio::test]
async fn a_trigger_that_never_fires_is_refused() {
    let mut world = world();
    let over = every_minute().starting_at(at(-120)).ending_at(at(-60));
    assert!(world.add_schedule(TICK, (), over).await.is_ok(), "what was missed is caught up");
    let zero = IntervalTrigger::every(Duration::ZERO);
    assert!(matches!(world.add_schedule(TICK, (), zero).await, Err(Error::Trigger(_))));
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Broken {
    good: u32,
    first: DateTime<Utc>,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl Trigger for Broken {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        let next = self.first + TimeDelta::minutes(i64::from(self.good));
        if after < self.first {
            Ok(Some(self.first))
        } else if after < next {
            Ok(Some(after + TimeDelta::minutes(1)))
        } else {
            Err(TriggerError::custom("out of order"))
        }
    }
}

impl CustomTrigger for Broken {
    const NAME: &'static str = "broken";
}

#[tokio::test]
async fn a_trigger_that_fails_quarantines_its_own_schedule_and_a_new_trigger_revives_it() {
    let mut world = world().configure(|builder| builder.custom_trigger::<Broken>());
    let broken = AnyTrigger::from(Broken { good: 2, first: at(0) });
    let id = world.add_schedule(TICK, (), broken).id("broken").await.unwrap();
    world.add_schedule(ECHO, String::new(), every_minute()).id("fine").await.unwrap();
    world.advance(MINUTE * 4).await.unwrap();
    let fires_of = |world: &TestScheduler, id: &str| {
        world.fired().filter(|fire| fire.schedule_id.as_str() == id).count()
    };
    assert_eq!((fires_of(&world, "broken"), fires_of(&world, "fine")), (3, 5));
    let state = get(&mut world, &id).await.state;
    assert!(
        matches!(&state, ScheduleState::Quarantined(reason) if reason.contains("out of order")),
        "{state}"
    );
    world.scheduler().update_schedule(&id).trigger(every_minute()).await.unwrap();
    world.advance(MINUTE).await.unwrap();
    assert_eq!(fires_of(&world, "broken"), 5);
}

#[tokio::test]
async fn schedules_are_listed_by_next_fire_time_and_by_filter() {
    let mut world = world();
    world.add_schedule(TICK, (), every_minute().starting_at(at(90))).id("later").await.unwrap();
    world.add_schedule(ECHO, String::new(), every_minute().starting_at(at(30))).id("sooner").await.unwrap();
    let ids =
        |schedules: Vec<Schedule>| schedules.into_iter().map(|it| it.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(world.scheduler().schedules().await.unwrap()), ["sooner", "later"]);
    assert_eq!(ids(world.scheduler().schedules().task(TICK).await.unwrap()), ["later"]);
    assert_eq!(ids(world.scheduler().schedules().limit(1).await.unwrap()), ["sooner"]);
    let paused = world.scheduler().schedules().state(&ScheduleState::Paused);
    assert!(paused.await.unwrap().is_empty());
    let line = world.scheduler().schedules().await.unwrap()[1].to_string();
    assert!(line.starts_with("later → tick [active] next 2026-01-01T00:01:30Z by "), "{line}");
}

#[tokio::test]
async fn a_retry_waits_by_the_schedulers_clock() {
    use apsched_core::Retry;
    const FLAKY: Task = Task::new("flaky");
    let left = Arc::new(Semaphore::new(2));
    let failures = left.clone();
    let tasks = Tasks::<()>::new().task(FLAKY, move || {
        let failed = failures.try_acquire().map(|permit| permit.forget());
        async move { if failed.is_ok() { Err("not yet") } else { Ok(()) } }
    });
    let mut world = TestScheduler::at("2026-01-01T00:00:00Z").tasks(tasks);
    let schedule = world.add_schedule(FLAKY, (), DateTrigger::at(at(0))).retry(Retry::fixed(3, MINUTE));
    schedule.await.unwrap();
    world.advance(MINUTE * 2 - Duration::from_micros(1)).await.unwrap();
    assert_eq!(outcomes(&world), []);
    world.advance(Duration::from_micros(1)).await.unwrap();
    assert_eq!(outcomes(&world), [JobOutcome::Success]);
}

#[tokio::test]
async fn an_update_refuses_an_executor_that_is_not_there() {
    let mut world = world();
    let id = world.add_schedule(TICK, (), every_minute()).await.unwrap();
    let updated = world.scheduler().update_schedule(&id).job_executor("threadpol").await;
    assert!(matches!(updated, Err(Error::ExecutorNotFound { .. })), "{updated:?}");
    world.scheduler().update_schedule(&id).job_executor("threadpool").await.unwrap();
}
