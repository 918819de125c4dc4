//! What cannot be decoded harms itself alone: it is neither deleted nor given out, and somebody hears of it.

use apsched_core::event::{JobAdded, JobQuarantined};
use apsched_core::store::{JobFilter, ScheduleFilter};
use apsched_core::{ConflictPolicy, StoreError};

use crate::conformance::store::observed::{all, ids, only, schedule_ids};
use crate::conformance::store::process::{Process, done};
use crate::conformance::store::{StoreHarness, StoredRow};
use crate::sample::{self, at, schedule_id};

pub(crate) async fn an_unreadable_schedule_does_not_hide_the_others(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("spoiled").build()).await;
    a.add_schedule(sample::schedule("whole").first_at(at(1)).build()).await;
    harness.spoil(StoredRow::Schedule(&schedule_id("spoiled"))).await;

    let first = a.acquire_schedules(at(5), 1).await;
    let second = a.acquire_schedules(at(5), 1).await;
    let listed = done("schedules", a.store().schedules(&ScheduleFilter::default()).await);

    let given_out: Vec<_> = first.iter().chain(&second).cloned().collect();
    assert_eq!(schedule_ids(&given_out), ["whole"]);
    assert!(listed.iter().any(|schedule| schedule.id.as_str() == "whole"));
}

pub(crate) async fn an_unreadable_schedule_does_not_keep_waking_schedulers(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("spoiled").build()).await;
    harness.spoil(StoredRow::Schedule(&schedule_id("spoiled"))).await;

    a.acquire_schedules(at(5), 10).await;

    assert_eq!(a.next_wakeup(at(5)).await.schedule, None);
}

pub(crate) async fn an_unreadable_schedule_is_kept_until_it_is_replaced(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").build()).await;
    harness.spoil(StoredRow::Schedule(&schedule_id("s"))).await;
    a.acquire_schedules(at(5), 10).await;
    a.cleanup(at(1_000_000)).await;

    let refused = a.try_add_schedule(sample::schedule("s").build(), ConflictPolicy::Error).await;
    a.put_schedule(sample::schedule("s").build(), ConflictPolicy::Replace).await;

    assert!(matches!(refused, Err(StoreError::ScheduleExists { .. })), "{refused:?}");
    assert_eq!(a.acquire_schedule(at(5)).await.schedule.id, schedule_id("s"));
}

pub(crate) async fn an_unreadable_job_does_not_hide_the_others(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let spoiled = a.add_job(sample::job().priority(9).build()).await;
    let whole = a.add_job(sample::job().build()).await;
    harness.spoil(StoredRow::Job(spoiled)).await;

    let first = a.acquire_jobs(at(0), 1).await;
    let second = a.acquire_jobs(at(0), 1).await;
    let listed = done("jobs", a.store().jobs(&JobFilter::default()).await);

    assert_eq!(ids(&[first, second].concat()), [whole]);
    assert!(ids(&listed).contains(&whole));
}

pub(crate) async fn an_unreadable_job_is_reported_once_and_kept(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let job = sample::job().build();
    a.add_job(job.clone()).await;
    harness.spoil(StoredRow::Job(job.id)).await;

    let (_, first) = a.acquire_jobs_with_events(at(0), 10).await;
    let (_, second) = a.acquire_jobs_with_events(at(0), 10).await;
    a.cleanup(at(1_000_000)).await;
    let added_again = a.add_jobs(vec![job.clone()]).await;

    assert_eq!(only::<JobQuarantined>(&first).job_id, job.id);
    assert_eq!(all::<JobQuarantined>(&second), []);
    assert_eq!(a.next_wakeup(at(0)).await.job, None);
    assert_eq!(all::<JobAdded>(&added_again), [], "the row is still there");
}
