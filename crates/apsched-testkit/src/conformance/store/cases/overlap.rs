//! What `release_schedules` does with a fire time that meets an earlier job of its schedule; decided in the transaction.

use apsched_core::event::{JobAdded, JobCancelRequested, JobReleased};
use apsched_core::{Coalesce, Job, JobOutcome, Overlap};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::{all, is_asked_to_stop, only};
use crate::conformance::store::process::{Fired, Process};
use crate::sample::{self, at, schedule_id, seconds};

/// Adds a schedule with this overlap and fires it once; gives its first job.
async fn fired(process: &Process, overlap: Overlap) -> Job {
    process.add_schedule(sample::schedule("s").overlap(overlap).build()).await;
    process.fire(at(0)).await.job().clone()
}

/// Checks that `earlier` stays and that the fire time at 10 was recorded as skipped.
async fn assert_skipped(process: &Process, earlier: &Job, fired: &Fired) {
    let skipped = fired.job();
    assert_eq!(process.job_ids().await, [earlier.id], "the earlier job alone is there");
    let result = process.result(skipped.id).await.expect("the skipped fire time is recorded");
    assert_eq!((result.outcome, result.fire_time), (JobOutcome::Skipped, Some(at(10))));
    assert_eq!((result.schedule_id, result.attempt, result.started_at), (Some(schedule_id("s")), 0, None));
    let event = only::<JobReleased>(&fired.events);
    assert_eq!((event.job_id, event.outcome, event.scheduler_id), (skipped.id, JobOutcome::Skipped, None));
    assert_eq!(all::<JobAdded>(&fired.events), []);
    let schedule = process.schedule(&schedule_id("s")).await;
    assert_eq!((schedule.next_fire_time, schedule.last_fire_time), (Some(at(20)), Some(at(10))));
    assert_eq!(schedule.fires, 2, "a skipped fire time counts as fired");
}

pub(crate) async fn skip_records_a_fire_time_while_an_earlier_job_is_queued(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let earlier = fired(&a, Overlap::Skip).await;

    let second = a.fire(at(10)).await;

    assert_skipped(&a, &earlier, &second).await;
}

pub(crate) async fn skip_records_a_fire_time_while_an_earlier_job_runs(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let earlier = fired(&a, Overlap::Skip).await;
    Process::start(harness, "b").await.acquire_job(at(0)).await;

    let second = a.fire(at(10)).await;

    assert_skipped(&a, &earlier, &second).await;
}

pub(crate) async fn skip_adds_the_job_when_the_earlier_one_has_ended(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    fired(&a, Overlap::Skip).await;
    let running = a.acquire_job(at(0)).await;
    let acquired = a.acquire_schedule(at(10)).await;
    let plan = a.plan(&acquired, at(10));

    a.finish(&running, JobOutcome::Success, at(11)).await;
    a.release_schedules(vec![plan.clone()], at(12)).await;

    assert_eq!(a.job_ids().await, [plan.jobs[0].id], "what counts is the moment of the release");
}

pub(crate) async fn queue_adds_the_job_beside_earlier_ones(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let earlier = fired(&a, Overlap::Queue).await;

    let second = a.fire(at(10)).await;

    assert_eq!(a.job_ids().await, [earlier.id, second.job().id]);
}

pub(crate) async fn replace_cancels_an_earlier_queued_job(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let earlier = fired(&a, Overlap::Replace).await;

    let second = a.fire(at(10)).await;

    assert_eq!(a.job_ids().await, [second.job().id]);
    assert_eq!(a.outcome(earlier.id).await, Some(JobOutcome::Cancelled));
    let ended = only::<JobReleased>(&second.events);
    assert_eq!((ended.job_id, ended.outcome), (earlier.id, JobOutcome::Cancelled));
    assert_eq!(only::<JobAdded>(&second.events).job_id, second.job().id);
}

pub(crate) async fn replace_asks_an_earlier_running_job_to_stop(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    let earlier = fired(&a, Overlap::Replace).await;
    b.acquire_job(at(0)).await;

    let second = a.fire(at(10)).await;

    assert_eq!(a.job_ids().await, [earlier.id, second.job().id]);
    assert!(is_asked_to_stop(&a.job(earlier.id).await));
    assert!(!is_asked_to_stop(&a.job(second.job().id).await));
    assert_eq!(b.cancel_requests().await, [earlier.id]);
    assert_eq!(only::<JobCancelRequested>(&second.events).job_id, earlier.id);
}

pub(crate) async fn fire_times_of_one_release_overlap_each_other(harness: &dyn StoreHarness) {
    let outcomes = [
        (Overlap::Skip, [None, Some(JobOutcome::Skipped), Some(JobOutcome::Skipped)]),
        (Overlap::Queue, [None, None, None]),
        (Overlap::Replace, [Some(JobOutcome::Cancelled), Some(JobOutcome::Cancelled), None]),
    ];
    let a = Process::start(harness, "a").await;
    for (overlap, expected) in outcomes {
        let id = format!("{overlap:?}");
        a.add_schedule(sample::schedule(&id).coalesce(Coalesce::All).overlap(overlap).build()).await;

        let fired = a.fire(at(20)).await;
        a.remove_schedule(&schedule_id(&id), apsched_core::store::RemoveJobs::Keep, at(20)).await;

        let queued = a.job_ids().await;
        for (job, outcome) in fired.jobs.iter().zip(expected) {
            assert_eq!(a.outcome(job.id).await, outcome, "{overlap:?} at {:?}", job.fire_time);
            assert_eq!(queued.contains(&job.id), outcome.is_none(), "{overlap:?} at {:?}", job.fire_time);
        }
    }
}

pub(crate) async fn jobs_of_others_are_no_overlap(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let direct = a.add_job(sample::job().build()).await;
    a.add_schedule(sample::schedule("other").once_at(at(0)).build()).await;
    let of_another = a.fire(at(0)).await.job().id;
    for (id, overlap) in [("skip", Overlap::Skip), ("replace", Overlap::Replace)] {
        a.add_schedule(sample::schedule(id).first_at(at(5)).overlap(overlap).build()).await;
    }

    let fired = a.fire(at(5)).await;

    let mut expected = vec![direct, of_another, fired.jobs[0].id, fired.jobs[1].id];
    expected.sort();
    assert_eq!(a.job_ids().await, expected);
}

pub(crate) async fn a_skipped_fire_time_without_a_kept_result_leaves_nothing(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let schedule = sample::schedule("s").overlap(Overlap::Skip);
    let schedule = schedule.settings(|settings| settings.result_expiration_time = seconds(0));
    a.add_schedule(schedule.build()).await;
    let earlier = a.fire(at(0)).await.job().id;

    let second = a.fire(at(10)).await;

    assert_eq!(a.job_ids().await, [earlier]);
    assert_eq!(a.outcome(second.job().id).await, None);
    assert_eq!(only::<JobReleased>(&second.events).outcome, JobOutcome::Skipped);
}
