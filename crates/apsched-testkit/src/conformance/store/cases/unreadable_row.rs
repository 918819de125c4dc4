//! What cannot be decoded harms itself alone: it is neither deleted nor given out, and somebody hears of it.

use std::fmt::Debug;

use apsched_core::event::{JobAdded, JobQuarantined, ScheduleQuarantined, ScheduleRemoved};
use apsched_core::schedule::{PauseEdit, ScheduleEdit};
use apsched_core::store::{JobFilter, RemoveJobs, ScheduleFilter, StoreResult};
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
    assert_eq!(listed.iter().map(|schedule| schedule.id.as_str()).collect::<Vec<_>>(), ["whole"]);
}

pub(crate) async fn an_unreadable_schedule_does_not_keep_waking_schedulers(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("spoiled").build()).await;
    harness.spoil(StoredRow::Schedule(&schedule_id("spoiled"))).await;

    a.acquire_schedules(at(5), 10).await;

    assert_eq!(a.next_wakeup(at(5)).await.schedule, None);
}

pub(crate) async fn an_unreadable_schedule_is_reported_once(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_schedule(sample::schedule("spoiled").build()).await;
    harness.spoil(StoredRow::Schedule(&schedule_id("spoiled"))).await;

    let (_, first) = a.acquire_schedules_with_events(at(5), 10).await;
    let (_, second) = a.acquire_schedules_with_events(at(5), 10).await;
    let (_, elsewhere) = b.acquire_schedules_with_events(at(1_000), 10).await;

    assert_eq!(only::<ScheduleQuarantined>(&first).schedule_id, schedule_id("spoiled"));
    assert_eq!(all::<ScheduleQuarantined>(&[second, elsewhere].concat()), []);
}

pub(crate) async fn an_unreadable_schedule_is_told_to_who_asks_for_it(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let id = schedule_id("spoiled");
    a.add_schedule(sample::schedule("spoiled").build()).await;
    harness.spoil(StoredRow::Schedule(&id)).await;

    let before = a.store().schedule(&id).await;
    a.acquire_schedules(at(5), 10).await;
    let when_quarantined = a.store().schedule(&id).await;
    let pause = ScheduleEdit { pause: Some(PauseEdit::Pause), ..ScheduleEdit::default() };
    let edited = a.store().edit_schedule(&id, pause, at(5)).await;

    assert_unreadable(before, "schedule", &id);
    assert_unreadable(when_quarantined, "schedule", &id);
    assert_unreadable(edited, "schedule", &id);
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

pub(crate) async fn an_unreadable_schedule_can_be_removed(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let id = schedule_id("s");
    a.add_schedule(sample::schedule("s").build()).await;
    harness.spoil(StoredRow::Schedule(&id)).await;
    a.acquire_schedules(at(5), 10).await;

    let events = a.remove_schedule(&id, RemoveJobs::Keep, at(5)).await;

    assert_eq!(only::<ScheduleRemoved>(&events).schedule_id, id);
    assert!(!a.has_schedule(&id).await);
    a.add_schedule(sample::schedule("s").build()).await;
    assert_eq!(a.acquire_schedule(at(5)).await.schedule.id, id);
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
    assert_eq!(ids(&listed), [whole]);
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

pub(crate) async fn an_unreadable_job_is_told_to_who_asks_for_it(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let id = a.add_job(sample::job().build()).await;
    harness.spoil(StoredRow::Job(id)).await;

    let before = a.store().job_status(id).await;
    a.acquire_jobs(at(0), 10).await;
    let when_quarantined = a.store().job_status(id).await;

    assert_unreadable(before, "job", id);
    assert_unreadable(when_quarantined, "job", id);
}

/// Checks that the answer says which row cannot be read.
#[track_caller]
fn assert_unreadable<T: Debug>(answer: StoreResult<T>, expected: &str, expected_id: impl ToString) {
    match answer {
        Err(StoreError::Unreadable { what, id, reason }) => {
            assert_eq!((what, id), (expected, expected_id.to_string()));
            assert_ne!(reason, "", "the reason is told");
        }
        other => panic!("expected the {expected} to be unreadable, found {other:?}"),
    }
}
