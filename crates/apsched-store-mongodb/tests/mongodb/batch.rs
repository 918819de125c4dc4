//! However much there is to do, it is sent in pieces that the server can plan, take and end in time.

use std::sync::Arc;

use apsched_core::event::{Event, EventInterest};
use apsched_core::schedule::{ScheduleAdvance, ScheduleRelease};
use apsched_core::store::{AcquireSchedules, ReleaseSchedules, RemoveJobs};
use apsched_core::{ConflictPolicy, DataStore, Job, Overlap};
use apsched_store_mongodb::MongoDataStore;
use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;
use apsched_testkit::sample::{self, at, schedule_id, seconds};
use mongodb::bson::{Bson, Document, doc};

use crate::database::{Commands, Database, copy};

/// The most elements of an array within a value.
fn longest(value: &Bson) -> usize {
    match value {
        Bson::Document(document) => document.values().map(longest).max().unwrap_or(0),
        Bson::Array(values) => values.iter().map(longest).max().unwrap_or(0).max(values.len()),
        _ => 0,
    }
}

fn take(commands: &Commands) -> Vec<Document> {
    std::mem::take(&mut commands.lock().expect("no test panics here"))
}

fn jobs_of(schedule: &str, count: i64) -> Vec<Job> {
    let job = |number| {
        let job = sample::job().task("send").of_schedule(schedule).keep_result(seconds(0));
        job.fire_time(at(number)).build()
    };
    (0..count).map(job).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fire_times_that_may_be_taken_are_looked_for_in_pieces() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("fire_times_that_may_be_taken_are_looked_for_in_pieces", &why);
    }
    let database = Database::new();
    let (store, commands) = database.start_noting(&["find"]).await;
    let jobs = || -> Vec<Job> { ["s", "t"].iter().flat_map(|id| jobs_of(id, 1_500)).collect() };
    store.add_jobs(jobs(), EventInterest::NONE).await.expect("jobs");
    take(&commands);

    let events = store.add_jobs(jobs(), EventInterest::ALL).await.expect("an answer");

    assert!(events.is_empty(), "each fire time has its job: {events:?}");
    let looks = take(&commands);
    let looks: Vec<&Document> =
        looks.iter().filter(|look| look.get_str("find").is_ok_and(|name| name == "apsched_jobs")).collect();
    assert!(!looks.is_empty(), "it was looked");
    for look in looks {
        let filter = look.get("filter").expect("a filter");
        assert!(!filter.to_string().contains("$nin"), "the server plans long for {filter}");
        assert!(longest(filter) <= 1_000, "too many at once: {}", longest(filter));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_end_in_pieces() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("many_jobs_end_in_pieces", &why);
    }
    let database = Database::new();
    let (store, commands) = database.start_noting(&["delete"]).await;
    add_schedule(&store, "s").await;
    store.add_jobs(jobs_of("s", 1), EventInterest::NONE).await.expect("a job");
    let jobs = database.collection("jobs").await;
    let pattern = jobs.find_one(doc! {}).await.expect("an answer").expect("the job is there");
    let fire_time = |number| at(1 + i64::try_from(number).expect("it is small")).timestamp_micros();
    copy(&jobs, pattern, 10_001, |number, copy| drop(copy.insert("fire_time", fire_time(number)))).await;

    store.remove_schedule(&schedule_id("s"), RemoveJobs::Cancel, at(0)).await.expect("an answer");

    assert_eq!(jobs.count_documents(doc! {}).await.expect("an answer"), 0);
    let sizes: Vec<usize> =
        take(&commands).iter().map(|delete| longest(&Bson::from(delete.clone()))).collect();
    assert!(sizes.iter().all(|size| *size <= 10_000), "{sizes:?}");
}

async fn add_schedule(store: &MongoDataStore, id: &str) {
    let schedule = sample::schedule(id).once_at(at(0)).build();
    store.add_schedule(schedule, ConflictPolicy::Error).await.expect("a schedule");
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_with_many_jobs_are_released_in_several_transactions() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("schedules_with_many_jobs_are_released_in_several_transactions", &why);
    }
    let database = Database::new();
    let (store, commands) = database.start_noting(&["commitTransaction"]).await;
    for id in ["r", "s", "t"] {
        add_schedule(&store, id).await;
    }
    let scheduler_id = sample::scheduler_id("a");
    let request =
        AcquireSchedules { scheduler_id: scheduler_id.clone(), now: at(5), lease: seconds(30), limit: 9 };
    let (acquired, _) = store.acquire_schedules(request).await.expect("schedules");
    let release = |id: &str| {
        let acquired = acquired.iter().find(|acquired| acquired.schedule.id.as_str() == id);
        let schedule = &acquired.expect("it was acquired").schedule;
        ScheduleRelease {
            schedule_id: schedule.id.clone(),
            token: schedule.token,
            revision: schedule.revision,
            overlap: Overlap::Queue,
            jobs: jobs_of(id, 4_000),
            advance: ScheduleAdvance::To { next_fire_time: None, cut_off: None },
        }
    };
    // What comes twice is lost the second time, wherever it stands.
    let releases = Arc::new(["r", "s", "t", "r"].map(release).to_vec());
    take(&commands);

    let request = ReleaseSchedules { scheduler_id, now: at(5), releases, interest: EventInterest::NONE };
    let released = store.release_schedules(request).await.expect("an answer");

    assert_eq!(take(&commands).len(), 2, "two of them, then the others");
    assert_eq!(released.lost, [schedule_id("r")]);
    let wakeups = released.events.iter().filter(|event| matches!(event, Event::Wakeup(_)));
    assert_eq!(wakeups.count(), 1, "{:?}", released.events);
    let jobs = database.collection("jobs").await;
    assert_eq!(jobs.count_documents(doc! {}).await.expect("an answer"), 12_000);
}
