//! `job_status`, `job_result`: what is known of a job, as often as somebody asks.

use apsched_core::{JobOutcome, JobState, JobStatus};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::process::Process;
use crate::sample::{self, at, job_id, just_before, seconds};

pub(crate) async fn the_status_follows_a_job_through_its_life(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    let job = sample::job().keep_result(seconds(10)).build();
    let state = |status: JobStatus| match status {
        JobStatus::Active(job) => Some(job.state()),
        JobStatus::Finished(result) => Some(JobState::Finished(result.outcome)),
        JobStatus::Unknown => None,
    };

    let mut states = vec![state(b.status(job.id).await)];
    a.add_job(job.clone()).await;
    states.push(state(b.status(job.id).await));
    let running = a.acquire_job(at(0)).await;
    states.push(state(b.status(job.id).await));
    a.finish(&running, JobOutcome::Error, at(1)).await;
    states.push(state(b.status(job.id).await));
    a.cleanup(at(11)).await;
    states.push(state(b.status(job.id).await));

    let expected = [
        None,
        Some(JobState::Queued),
        Some(JobState::Running),
        Some(JobState::Finished(JobOutcome::Error)),
        None,
    ];
    assert_eq!(states, expected);
}

pub(crate) async fn a_job_without_an_end_has_no_result(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let queued = a.add_job(sample::job().run_at(at(100)).build()).await;
    let running = a.add_job(sample::job().build()).await;
    a.acquire_job(at(0)).await;

    for id in [queued, running, job_id()] {
        assert!(a.result(id).await.is_none());
    }
}

/// A result that its first reader deletes is missing for the second, and for the first one's retry.
pub(crate) async fn a_result_is_readable_many_times_by_everybody(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;
    a.finish(&job, JobOutcome::Success, at(1)).await;

    for _ in 0..3 {
        assert_eq!(a.outcome(job.id).await, Some(JobOutcome::Success));
        assert_eq!(b.outcome(job.id).await, Some(JobOutcome::Success));
    }
}

pub(crate) async fn a_result_is_removed_when_it_expires_and_not_before(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().keep_result(seconds(10)).build()).await;
    let job = a.acquire_job(at(0)).await;
    a.finish(&job, JobOutcome::Success, at(1)).await;

    a.cleanup(just_before(at(11))).await;
    let before = a.outcome(job.id).await;
    a.cleanup(at(11)).await;
    let then = a.outcome(job.id).await;

    assert_eq!((before, then), (Some(JobOutcome::Success), None));
}
