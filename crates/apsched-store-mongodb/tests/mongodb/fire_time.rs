//! A fire time has one job, whoever adds it: the index says so too.

use std::sync::Arc;

use apsched_core::event::{Event, EventInterest};
use apsched_core::schedule::{ScheduleAdvance, ScheduleRelease};
use apsched_core::store::{AcquireSchedules, ReleaseSchedules};
use apsched_core::{ConflictPolicy, DataStore, Job, JobId, Overlap, Schedule};
use apsched_store_mongodb::MongoDataStore;
use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;
use apsched_testkit::sample::{self, at, schedule_id, seconds};

use crate::database::Database;

fn job_of(fire_time: Option<i64>) -> Job {
    Job { schedule_id: Some(schedule_id("s")), fire_time: fire_time.map(at), ..sample::job().build() }
}

async fn ids(store: &MongoDataStore) -> Vec<JobId> {
    store.jobs(&Default::default()).await.expect("jobs").iter().map(|job| job.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fire_time_has_one_job_whoever_adds_it() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_fire_time_has_one_job_whoever_adds_it", &why);
    }
    let database = Database::new();
    let store = database.start().await;
    let (one, other, next) = (job_of(Some(1)), job_of(Some(1)), job_of(Some(2)));

    store.add_jobs(vec![one.clone()], EventInterest::ALL).await.expect("a job");
    let added = store.add_jobs(vec![other, next.clone()], EventInterest::ALL).await.expect("no error");

    let told: Vec<JobId> = added
        .iter()
        .filter_map(|event| match event {
            Event::JobAdded(added) => Some(added.job_id),
            _ => None,
        })
        .collect();
    assert_eq!(told, [next.id]);
    assert_eq!(ids(&store).await, [one.id, next.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_are_fired_by_hand_are_never_held_to_be_the_same() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("jobs_that_are_fired_by_hand_are_never_held_to_be_the_same", &why);
    }
    let database = Database::new();
    let store = database.start().await;

    store.add_jobs(vec![job_of(None), job_of(None)], EventInterest::NONE).await.expect("jobs");
    store.add_jobs(vec![job_of(None)], EventInterest::NONE).await.expect("a job");

    assert_eq!(ids(&store).await.len(), 3);
}

/// Acquires the schedule, and releases it with one job for its first fire time.
async fn fire(store: &MongoDataStore, overlap: Overlap) -> JobId {
    let scheduler_id = sample::scheduler_id("a");
    let request =
        AcquireSchedules { scheduler_id: scheduler_id.clone(), now: at(5), lease: seconds(30), limit: 9 };
    let (mut acquired, _) = store.acquire_schedules(request).await.expect("no error");
    let schedule: Schedule = acquired.remove(0).schedule;
    let job = job_of(Some(0));
    let release = ScheduleRelease {
        schedule_id: schedule.id.clone(),
        token: schedule.token,
        revision: schedule.revision,
        overlap,
        jobs: vec![job.clone()],
        advance: ScheduleAdvance::To { next_fire_time: None, cut_off: None },
    };
    let releases = Arc::new(vec![release]);
    let request = ReleaseSchedules { scheduler_id, now: at(5), releases, interest: EventInterest::ALL };
    let released = store.release_schedules(request).await.expect("no error");
    assert!(released.lost.is_empty());
    job.id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_schedule_keeps_the_job_that_its_fire_time_has_and_advances() {
    if let Some(why) = Backend::Mongodb.missing() {
        let name = "a_replaced_schedule_keeps_the_job_that_its_fire_time_has_and_advances";
        return report_skipped(name, &why);
    }
    let database = Database::new();
    let store = database.start().await;
    let mut fired = Vec::new();
    for overlap in [Overlap::Queue, Overlap::Queue, Overlap::Replace] {
        let schedule = sample::schedule("s").once_at(at(0)).build();
        store.add_schedule(schedule, ConflictPolicy::Replace).await.expect("a schedule");
        fired.push((fire(&store, overlap).await, ids(&store).await));
    }

    let [(first, after_first), (_, after_second), (third, after_third)] = &fired[..] else { panic!("three") };
    assert_eq!((after_first, after_second), (&vec![*first], &vec![*first]), "it has its job");
    assert_eq!(after_third, &vec![*third], "the one that waited is replaced");
    let schedule = store.schedule(&schedule_id("s")).await.expect("an answer").expect("the schedule");
    assert_eq!((schedule.fires, schedule.next_fire_time), (1, None));
}
