//! `cancel_job`, `cancel_requests`: a queued job ends at once, a running one is asked to.

use apsched_core::event::{JobCancelRequested, JobReleased};
use apsched_core::job::Release;
use apsched_core::{JobOutcome, JobState};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::{is_asked_to_stop, only};
use crate::conformance::store::process::Process;
use crate::sample::{self, at, job_id, seconds};

pub(crate) async fn a_queued_job_ends_at_once(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let id = a.add_job(sample::job().of_schedule("s").build()).await;

    let events = Process::start(harness, "b").await.cancel(id, at(5)).await;

    assert!(a.job_ids().await.is_empty());
    assert!(a.acquire_jobs(at(100), 10).await.is_empty());
    let result = a.result(id).await.expect("the result is kept");
    assert_eq!((result.outcome, result.attempt, result.finished_at), (JobOutcome::Cancelled, 0, at(5)));
    let event = only::<JobReleased>(&events);
    assert_eq!((event.job_id, event.outcome, event.scheduler_id), (id, JobOutcome::Cancelled, None));
}

pub(crate) async fn a_job_that_waits_for_its_next_attempt_ends_at_once(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().attempts(5, seconds(100)).build()).await;
    let job = a.acquire_job(at(0)).await;
    a.release(&job, Release::RunAgain { run_at: at(100), attempt: 1 }, at(1)).await;

    a.cancel(job.id, at(5)).await;

    let result = a.result(job.id).await.expect("the result is kept");
    assert_eq!((result.outcome, result.attempt), (JobOutcome::Cancelled, 1));
}

pub(crate) async fn a_running_job_is_asked_to_stop(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;

    let events = b.cancel(job.id, at(5)).await;

    let running = a.job(job.id).await;
    assert!(is_asked_to_stop(&running) && running.state() == JobState::Running);
    assert_eq!(running.lease, job.lease, "the worker keeps its claim");
    assert_eq!(only::<JobCancelRequested>(&events).job_id, job.id);
    assert_eq!(a.outcome(job.id).await, None);
}

pub(crate) async fn requests_are_told_to_the_worker_alone(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_jobs(vec![sample::job().build(), sample::job().build()]).await;
    let (of_a, of_b) = (a.acquire_jobs(at(0), 1).await.remove(0), b.acquire_jobs(at(0), 1).await.remove(0));
    a.cancel(of_a.id, at(5)).await;
    a.cancel(of_b.id, at(5)).await;

    assert_eq!(a.cancel_requests().await, [of_a.id]);
    assert_eq!(b.cancel_requests().await, [of_b.id]);
    assert_eq!(a.restarted(harness).await.cancel_requests().await, []);
}

pub(crate) async fn a_request_is_told_until_the_job_ends(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;
    a.cancel(job.id, at(5)).await;

    let first = a.cancel_requests().await;
    let second = a.cancel_requests().await;
    a.finish(&job, JobOutcome::Cancelled, at(6)).await;
    let third = a.cancel_requests().await;

    assert_eq!((first, second, third), (vec![job.id], vec![job.id], vec![]));
}

pub(crate) async fn asking_again_causes_nothing(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;
    let running = a.acquire_job(at(0)).await.id;
    let queued = a.add_job(sample::job().build()).await;
    a.cancel(running, at(5)).await;
    a.cancel(queued, at(5)).await;

    assert_eq!(a.cancel(running, at(6)).await, []);
    assert_eq!(a.cancel(queued, at(6)).await, []);
    assert_eq!(a.result(queued).await.map(|result| result.finished_at), Some(at(5)));
}

pub(crate) async fn cancelling_a_job_that_is_not_there_causes_nothing(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;

    assert_eq!(a.cancel(job_id(), at(5)).await, []);
}
