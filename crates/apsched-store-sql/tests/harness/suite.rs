//! What holds on every SQL database beyond the contract: its tables, the user's transactions, rows of strangers.

use std::sync::Arc;

use apsched_core::event::EventInterest;
use apsched_core::job::{FinishedAttempt, JobRelease, Release};
use apsched_core::serializer::{Json, Serializers};
use apsched_core::store::{
    AcquireJobs, AcquireSchedules, JobFilter, Recover, RecoverScope, ReleaseJobs, ScheduleFilter, WakeupQuery,
};
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{
    Abilities, ConflictPolicy, DataStore, Job, JobOutcome, JobStatus, Payload, Schedule, StoreError,
};
use apsched_store_sql::SqlOptions;
use apsched_testkit::sample::{self, at, executor, seconds, task_id};
use futures_util::future::join_all;

use super::database::Database;
pub(crate) use super::dropped_start::a_start_that_is_dropped_holds_up_nobody;

/// One test of each sentence, for a database that the expression makes.
macro_rules! sql_suite {
    ($database:expr; $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                apsched_testkit::conformance::block_on(async {
                    let database = $database;
                    match $crate::harness::database::Database::missing(&database) {
                        Some(missing) => apsched_testkit::report_skipped(stringify!($name), &missing),
                        None => $crate::harness::suite::$name(&database).await,
                    }
                });
            }
        )*
    };
    ($database:expr) => {
        $crate::harness::suite::sql_suite! { $database;
            a_newer_schema_is_refused
            tables_are_left_alone_when_migrations_are_run_by_hand
            the_statements_of_the_migrations_make_the_tables
            two_prefixes_are_two_stores
            large_payloads_read_back_and_leave_nothing_behind
            a_column_of_a_stranger_harms_its_own_row_alone
            a_schedule_that_hides_its_custom_trigger_does_not_use_up_the_limit
            a_fire_time_has_one_job_whoever_adds_it
            a_schedule_that_many_add_at_once_is_theirs_by_their_policy
            nothing_is_left_of_a_large_payload_whose_job_cannot_be_decoded
            of_schedules_held_by_a_clock_ahead_the_first_end_of_a_lease_counts
            every_priority_is_found_however_many_there_are
            a_start_that_is_dropped_holds_up_nobody
        }
    };
}

pub(crate) use sql_suite;

/// A payload in the form in which a scheduler hands it to the store.
fn encoded(payload: &Payload) -> Payload {
    payload.clone().into_encoded(&Serializers::new(Json)).expect("a payload of the samples").into()
}

pub(crate) fn stored(job: Job) -> Job {
    Job { payload: encoded(&job.payload), ..job }
}

pub(crate) fn stored_schedule(id: &str) -> Schedule {
    let schedule = sample::schedule(id).build();
    Schedule { payload: encoded(&schedule.payload), ..schedule }
}

fn abilities() -> Arc<Abilities> {
    Arc::new(Abilities::new([task_id("send")], [executor("async")]))
}

pub(crate) fn acquisition(limit: usize) -> AcquireJobs {
    AcquireJobs {
        scheduler_id: sample::scheduler_id("a"),
        now: at(10),
        lease: seconds(30),
        limit,
        abilities: abilities(),
        interest: EventInterest::ALL,
    }
}

pub(crate) async fn a_newer_schema_is_refused(database: &impl Database) {
    database.store().start(&TriggerRegistry::new()).await.expect("the tables are made");
    database.run("UPDATE {}meta SET schema_version = 1000;").await;

    let refused =
        database.store().start(&TriggerRegistry::new()).await.expect_err("a newer program was here");

    assert!(matches!(refused, StoreError::Misconfigured { .. }), "{refused:?}");
    let text = refused.to_string();
    assert!(text.contains("the schema has version 1000, this program knows up to"), "{text}");
}

pub(crate) async fn tables_are_left_alone_when_migrations_are_run_by_hand(database: &impl Database) {
    let store = database.store_with(database.options().migrate_by_hand());

    let refused = store.start(&TriggerRegistry::new()).await.expect_err("nobody has made the tables");
    let refused_again = store.start(&TriggerRegistry::new()).await;

    let text = refused.to_string();
    assert!(
        text.contains("was told to leave the tables alone: run what `SqlDataStore::migrations` gives"),
        "{text}"
    );
    assert!(refused_again.is_err(), "the tables are still not there");
}

pub(crate) async fn the_statements_of_the_migrations_make_the_tables(database: &impl Database) {
    let store = database.store_with(database.options().migrate_by_hand());
    for migration in store.migrations() {
        database.run(&migration.sql).await;
    }

    store.start(&TriggerRegistry::new()).await.expect("the tables were made by hand");

    store
        .add_jobs(vec![stored(sample::job().build())], EventInterest::NONE)
        .await
        .expect("the tables are whole");
}

pub(crate) async fn two_prefixes_are_two_stores(database: &impl Database) {
    let (one, options) = (database.store(), SqlOptions::new().table_prefix("another_").max_connections(1));
    let other = database.store_with(options);
    one.start(&TriggerRegistry::new()).await.expect("the tables are made");
    other.start(&TriggerRegistry::new()).await.expect("the tables are made");

    let job = stored(sample::job().build());
    one.add_jobs(vec![job.clone()], EventInterest::NONE).await.expect("a job");

    let status = other.job_status(job.id).await.expect("an answer");
    assert!(matches!(status, JobStatus::Unknown), "{status:?}");
}

pub(crate) async fn large_payloads_read_back_and_leave_nothing_behind(database: &impl Database) {
    let store = database.store();
    store.start(&TriggerRegistry::new()).await.expect("the tables are made");
    store.put_tasks(vec![sample::task("send")]).await.expect("a task");
    let sizes = [0, 1, 1_000, 1_022, 1_023, 1_024, 5_000, 1_000_000];
    let jobs: Vec<Job> = sizes
        .map(|size| Job { payload: Payload::live("x".repeat(size)), ..sample::job().build() })
        .map(stored)
        .to_vec();

    store.add_jobs(jobs.clone(), EventInterest::NONE).await.expect("jobs");
    let (acquired, _) = store.acquire_jobs(acquisition(100)).await.expect("jobs");
    let listed = store.jobs(&JobFilter::default()).await.expect("jobs");
    let end = FinishedAttempt::without_run(JobOutcome::Success, at(11));
    let release =
        |job: &Job| JobRelease { job_id: job.id, token: job.token, release: Release::Finish(end.clone()) };
    let releases: Vec<_> = acquired.iter().map(release).collect();
    let request = ReleaseJobs {
        scheduler_id: sample::scheduler_id("a"),
        now: at(11),
        releases: releases.into(),
        interest: EventInterest::NONE,
    };
    store.release_jobs(request).await.expect("the jobs are held");
    let mut again = jobs.clone();
    again.iter_mut().for_each(|job| job.payload = Payload::unit());
    store.add_jobs(again.into_iter().map(stored).collect(), EventInterest::NONE).await.expect("jobs");
    let (without, _) = store.acquire_jobs(acquisition(100)).await.expect("jobs");

    for (before, after) in jobs.iter().zip(&acquired).chain(jobs.iter().zip(&listed)) {
        assert!(before.payload.is_same_value(&after.payload), "{:?} and {:?}", before.payload, after.payload);
    }
    let unit = stored(Job { payload: Payload::unit(), ..sample::job().build() }).payload;
    assert!(without.iter().all(|job| job.payload.is_same_value(&unit)), "no old payload comes back");
}

/// Columns and what a stranger might write into them.
const STRANGE: [(&str, &str); 28] = [
    ("jobs", "task_id = ''"),
    ("jobs", "job_executor = ''"),
    ("jobs", "schedule_id = ''"),
    ("jobs", "priority = 9000000000000000000"),
    ("jobs", "run_at = -9000000000000000000"),
    ("jobs", "fire_time = 9223372036854775807"),
    ("jobs", "created_at = 9223372036854775807"),
    ("jobs", "start_deadline = 9223372036854775807"),
    ("jobs", "attempt = -1"),
    ("jobs", "attempt = 4294967295"),
    ("jobs", "token = -5"),
    ("jobs", "settings = '[1'"),
    ("jobs", "settings = '{\"retry\": 7}'"),
    ("jobs", "progress = 'half'"),
    ("jobs", "payload_serializer = 'yaml'"),
    ("schedules", "task_id = ''"),
    ("schedules", "trigger_definition = '{\"type\":\"never\"}'"),
    ("schedules", "trigger_definition = '{\"type\":\"custom\",\"name\":\"x\",\"definition\":null}'"),
    (
        "schedules",
        "trigger_definition = '{\"type\":\"custom\",\"name\":\"x\",\"definition\":null}', custom_triggers = '[ \"x\" ]'",
    ),
    ("schedules", "custom_triggers = '[\"x\"]'"),
    ("schedules", "settings = 'null'"),
    ("schedules", "next_fire_time = -9000000000000000000"),
    ("schedules", "fires = -1"),
    ("schedules", "revision = -1"),
    ("schedules", "token = -1"),
    ("schedules", "lease_holder = 'nobody', lease_until = 1"),
    ("tasks", "definition = '{'"),
    ("tasks", "max_running_jobs = -3"),
];

/// Every column in turn: calls fail or not, but none panics, none takes another row with it, and none never ends.
pub(crate) async fn a_column_of_a_stranger_harms_its_own_row_alone(database: &impl Database) {
    let store = database.store();
    store.start(&TriggerRegistry::new()).await.expect("the tables are made");
    for (table, change) in STRANGE {
        database.run("DELETE FROM {}jobs; DELETE FROM {}schedules; DELETE FROM {}job_payloads;").await;
        store.put_tasks(vec![sample::task("send")]).await.expect("a task");
        let strange = stored(sample::job().build());
        store.add_jobs(vec![strange.clone()], EventInterest::NONE).await.expect("a job");
        let schedule = stored_schedule("strange");
        let id = schedule.id.clone();
        store.add_schedule(schedule, ConflictPolicy::Replace).await.expect("a schedule");
        database.run(&format!("UPDATE {{}}{table} SET {change};")).await;
        let whole = stored(sample::job().build());
        store.add_jobs(vec![whole.clone()], EventInterest::NONE).await.expect("another job");

        let _ = (store.tasks().await, store.task(&task_id("send")).await);
        let _ = (store.schedule(&id).await, store.schedules(&ScheduleFilter::default()).await);
        let _ = (store.job_status(strange.id).await, store.jobs(&JobFilter::default()).await);
        let query =
            WakeupQuery { scheduler_id: sample::scheduler_id("a"), now: at(10), abilities: abilities() };
        let _ = store.next_wakeup(query).await;
        let scheduler_id = sample::scheduler_id("a");
        let request = AcquireSchedules {
            scheduler_id: scheduler_id.clone(),
            now: at(10),
            lease: seconds(30),
            limit: 9,
        };
        let _ = store.acquire_schedules(request).await;
        let scope = RecoverScope::ExpiredAndPredecessors;
        let _ = store.recover(Recover { scheduler_id, now: at(10), scope, limit: 9, seed: 1 }).await;
        if (table, change) == ("tasks", "max_running_jobs = -3") {
            store.put_tasks(vec![sample::task("send")]).await.expect("the task is declared anew");
        }
        let (acquired, _) = store.acquire_jobs(acquisition(9)).await.unwrap_or_else(|error| {
            panic!("{table}: {change}: {error:?}");
        });
        let has_whole = acquired.iter().any(|job| job.id == whole.id);
        assert!(has_whole, "{table}: {change}: the other job is given out: {acquired:?}");
        let _ = store.cleanup(at(10)).await;
    }
}

pub(crate) async fn a_schedule_that_hides_its_custom_trigger_does_not_use_up_the_limit(
    database: &impl Database,
) {
    let store = database.store();
    store.start(&TriggerRegistry::new()).await.expect("the tables are made");
    for hidden in ["NULL", "'[ \"x\" ]'"] {
        database.run("DELETE FROM {}schedules;").await;
        for id in ["hidden", "known"] {
            store.add_schedule(stored_schedule(id), ConflictPolicy::Error).await.expect("a schedule");
        }
        database
            .run(&format!(
                r#"UPDATE {{}}schedules SET custom_triggers = {hidden},
                    trigger_definition = '{{"type":"custom","name":"x","definition":null}}' WHERE id = 'hidden';"#
            ))
            .await;
        let scheduler_id = sample::scheduler_id("a");
        let request = AcquireSchedules { scheduler_id, now: at(10), lease: seconds(30), limit: 1 };

        let (acquired, events) = store.acquire_schedules(request).await.expect("a schedule");

        let ids: Vec<_> = acquired.iter().map(|acquired| acquired.schedule.id.as_str()).collect();
        assert_eq!(ids, ["known"], "the names are {hidden}");
        assert_eq!(events, []);
    }
}

pub(crate) async fn a_fire_time_has_one_job_whoever_adds_it(database: &impl Database) {
    let store = database.store();
    store.start(&TriggerRegistry::new()).await.expect("the tables are made");
    let planned = || {
        let schedule_id = Some(sample::schedule_id("s"));
        stored(Job { schedule_id, fire_time: Some(at(1)), ..sample::job().build() })
    };
    let (one, other) = (planned(), planned());

    store.add_jobs(vec![one.clone()], EventInterest::NONE).await.expect("a job");
    store.add_jobs(vec![other], EventInterest::NONE).await.expect("no error");

    let listed = store.jobs(&JobFilter::default()).await.expect("jobs");
    assert_eq!(listed.iter().map(|job| job.id).collect::<Vec<_>>(), [one.id]);
}

pub(crate) async fn a_schedule_that_many_add_at_once_is_theirs_by_their_policy(database: &impl Database) {
    const ROUNDS: usize = 20;
    let stores: Vec<_> = (0..4).map(|_| database.store_with(database.options().max_connections(1))).collect();
    for store in &stores {
        store.start(&TriggerRegistry::new()).await.expect("the tables are made");
    }
    for policy in [ConflictPolicy::DoNothing, ConflictPolicy::Update, ConflictPolicy::Replace] {
        for round in 0..ROUNDS {
            let schedule = stored_schedule(&format!("{policy:?}-{round}"));
            let added =
                join_all(stores.iter().map(|store| store.add_schedule(schedule.clone(), policy))).await;
            for done in added {
                done.unwrap_or_else(|error| panic!("{policy:?}: {error:?}"));
            }
        }
    }
    let refused = stored_schedule("refused");
    let added = stores.iter().map(|store| store.add_schedule(refused.clone(), ConflictPolicy::Error));
    let added = join_all(added).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(added, 1, "of those who want to be the first, one is");
}

pub(crate) async fn nothing_is_left_of_a_large_payload_whose_job_cannot_be_decoded(database: &impl Database) {
    let store = database.store();
    store.start(&TriggerRegistry::new()).await.expect("the tables are made");
    store.put_tasks(vec![sample::task("send")]).await.expect("a task");
    let large = stored(Job { payload: Payload::live("x".repeat(5_000)), ..sample::job().build() });
    let spoil = "UPDATE {}jobs SET attempt = -1;";

    for end in ["cancelled", "released"] {
        // An id that is free again is taken by a job with a payload of its own, which an old one would stand in the way of.
        store.add_jobs(vec![large.clone()], EventInterest::NONE).await.unwrap_or_else(|error| {
            panic!("before it is {end}: {error:?}");
        });
        if end == "cancelled" {
            database.run(spoil).await;
            store.cancel_job(large.id, at(11)).await.expect("who cannot be decoded can be cancelled");
            continue;
        }
        let (acquired, _) = store.acquire_jobs(acquisition(9)).await.expect("the job");
        database.run(spoil).await;
        let success = Release::Finish(FinishedAttempt::without_run(JobOutcome::Success, at(11)));
        let release = JobRelease { job_id: large.id, token: acquired[0].token, release: success };
        let request = ReleaseJobs {
            scheduler_id: sample::scheduler_id("a"),
            now: at(11),
            releases: vec![release].into(),
            interest: EventInterest::NONE,
        };
        let released = store.release_jobs(request).await.expect("it has run");
        assert_eq!(released.lost, []);
    }
    store.add_jobs(vec![large], EventInterest::NONE).await.expect("nothing is left of the last one");
}

pub(crate) async fn of_schedules_held_by_a_clock_ahead_the_first_end_of_a_lease_counts(
    database: &impl Database,
) {
    let store = database.store();
    store.start(&TriggerRegistry::new()).await.expect("the tables are made");
    // By the clock of the one who acquires them both are due.
    for (fire_time, lease) in [(20, 60), (25, 10)] {
        let schedule = sample::schedule(&format!("due at {fire_time}")).once_at(at(fire_time)).build();
        let schedule = Schedule { payload: encoded(&schedule.payload), ..schedule };
        store.add_schedule(schedule, ConflictPolicy::Error).await.expect("a schedule");
        let request = AcquireSchedules {
            scheduler_id: sample::scheduler_id("ahead"),
            now: at(30),
            lease: seconds(lease),
            limit: 9,
        };
        let (acquired, _) = store.acquire_schedules(request).await.expect("a schedule");
        assert_eq!(acquired.len(), 1);
    }

    for (now, expected) in [(10, 40), (22, 40), (30, 40)] {
        let scheduler_id = sample::scheduler_id("behind");
        let query = WakeupQuery { scheduler_id, now: at(now), abilities: abilities() };
        let wakeups = store.next_wakeup(query).await.expect("an answer");
        assert_eq!(wakeups.schedule, Some(at(expected)), "asked at {now}");
    }
}

pub(crate) async fn every_priority_is_found_however_many_there_are(database: &impl Database) {
    const PRIORITIES: i32 = 2_000;
    let store = database.store();
    store.start(&TriggerRegistry::new()).await.expect("the tables are made");
    store.put_tasks(vec![sample::task("send")]).await.expect("a task");
    let jobs =
        (1..=PRIORITIES).map(|priority| stored(sample::job().priority(priority).run_at(at(100)).build()));
    store.add_jobs(jobs.collect(), EventInterest::NONE).await.expect("jobs that are not due");
    let due = stored(sample::job().priority(0).build());
    store.add_jobs(vec![due.clone()], EventInterest::NONE).await.expect("one that is, behind all others");

    let (acquired, _) = store.acquire_jobs(acquisition(9)).await.expect("the one that is due");

    assert_eq!(acquired.iter().map(|job| job.id).collect::<Vec<_>>(), [due.id]);
}
