//! `remove_schedule`: what was removed makes no job any more; jobs already made go on unless they are cancelled too.

use apsched_core::event::{JobCancelRequested, JobReleased, ScheduleRemoved};
use apsched_core::store::RemoveJobs;
use apsched_core::{JobOutcome, StoreError};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::{is_asked_to_stop, only};
use crate::conformance::store::process::Process;
use crate::sample::{self, at, schedule_id};

pub(crate) async fn a_removed_schedule_is_gone(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").build()).await;

    let events = a.remove_schedule(&schedule_id("s"), RemoveJobs::Keep, at(5)).await;

    assert_eq!(only::<ScheduleRemoved>(&events).schedule_id, schedule_id("s"));
    assert!(!a.has_schedule(&schedule_id("s")).await);
    assert!(a.acquire_schedules(at(100), 10).await.is_empty());
}

pub(crate) async fn removing_a_schedule_that_is_not_there_is_an_error(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;

    let answer = a.store().remove_schedule(&schedule_id("s"), RemoveJobs::Keep, at(5)).await;

    assert!(
        matches!(&answer, Err(StoreError::ScheduleNotFound { schedule_id }) if schedule_id.as_str() == "s"),
        "{answer:?}"
    );
}

pub(crate) async fn removing_a_schedule_voids_the_claim_in_flight(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").build()).await;
    let plan = a.plan(&a.acquire_schedule(at(0)).await, at(0));

    a.remove_schedule(&schedule_id("s"), RemoveJobs::Keep, at(1)).await;
    let released = a.release_schedules(vec![plan], at(1)).await;

    assert_eq!(released.lost, [schedule_id("s")]);
    assert!(a.job_ids().await.is_empty());
    assert!(!a.has_schedule(&schedule_id("s")).await);
}

pub(crate) async fn a_schedule_added_under_a_removed_id_does_not_fit_an_old_claim(
    harness: &dyn StoreHarness,
) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").payload("old".to_owned()).build()).await;
    let old = a.acquire_schedule(at(0)).await;
    a.remove_schedule(&schedule_id("s"), RemoveJobs::Keep, at(1)).await;
    a.add_schedule(sample::schedule("s").payload("new".to_owned()).added_at(at(1)).build()).await;
    let new = a.acquire_schedule(at(1)).await;

    let released = a.release_schedules(vec![a.plan(&old, at(1))], at(1)).await;

    assert!(new.schedule.token > old.schedule.token, "a token is greater than any before under this id");
    assert_eq!(released.lost, [schedule_id("s")]);
    assert!(a.job_ids().await.is_empty(), "no job is made of the old definition");
}

pub(crate) async fn jobs_of_a_removed_schedule_go_on(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").build()).await;
    let job = a.fire(at(0)).await.job().id;

    a.remove_schedule(&schedule_id("s"), RemoveJobs::Keep, at(1)).await;
    let acquired = a.acquire_job(at(1)).await;
    a.finish(&acquired, JobOutcome::Success, at(2)).await;

    assert_eq!(acquired.id, job);
    assert_eq!(a.outcome(job).await, Some(JobOutcome::Success));
}

pub(crate) async fn queued_jobs_of_a_removed_schedule_are_cancelled_if_asked(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").build()).await;
    a.add_schedule(sample::schedule("other").first_at(at(5)).build()).await;
    let job = a.fire(at(0)).await.job().id;
    let of_another = a.fire(at(5)).await.job().id;
    let direct = a.add_job(sample::job().build()).await;

    let events = a.remove_schedule(&schedule_id("s"), RemoveJobs::Cancel, at(6)).await;

    let mut others = [of_another, direct];
    others.sort();
    assert_eq!(a.job_ids().await, others);
    assert_eq!(a.outcome(job).await, Some(JobOutcome::Cancelled));
    let ended = only::<JobReleased>(&events);
    assert_eq!((ended.job_id, ended.outcome), (job, JobOutcome::Cancelled));
}

pub(crate) async fn running_jobs_of_a_removed_schedule_are_asked_to_stop(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").build()).await;
    let job = a.fire(at(0)).await.job().id;
    a.acquire_job(at(0)).await;

    let events = a.remove_schedule(&schedule_id("s"), RemoveJobs::Cancel, at(5)).await;

    assert!(is_asked_to_stop(&a.job(job).await));
    assert_eq!(a.cancel_requests().await, [job]);
    assert_eq!(only::<JobCancelRequested>(&events).job_id, job);
}
