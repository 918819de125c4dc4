//! `extend_leases`: who holds a job may keep it, until somebody else took it.

use apsched_core::JobOutcome;
use apsched_core::job::Release;
use apsched_core::store::{HeldJob, LeaseReport};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::{assert_same_job, held, ids, news};
use crate::conformance::store::process::Process;
use crate::sample::{self, at, job_id, seconds};

async fn until(process: &Process, id: apsched_core::JobId) -> Option<chrono::DateTime<chrono::Utc>> {
    process.job(id).await.lease.map(|lease| lease.until)
}

pub(crate) async fn a_lease_is_prolonged_from_now(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_jobs(vec![sample::job().build(), sample::job().build()]).await;
    let jobs = a.acquire_jobs(at(0), 10).await;

    let report = a.extend(&[held(&jobs[0])], at(15)).await;

    assert_eq!(report, LeaseReport::default());
    assert_eq!(until(&a, jobs[0].id).await, Some(at(45)));
    assert_eq!(until(&a, jobs[1].id).await, Some(at(30)), "only what was named");
}

pub(crate) async fn a_prolonged_lease_is_not_recovered(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;
    a.extend(&[held(&job)], at(29)).await;

    assert!(b.recover(at(58), 10).await.is_empty());
    a.finish(&job, JobOutcome::Success, at(58)).await;
}

pub(crate) async fn an_expired_lease_that_nobody_took_is_prolonged(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;

    let report = a.extend(&[held(&job)], at(1000)).await;

    assert_eq!(report, LeaseReport::default());
    assert_eq!(until(&a, job.id).await, Some(at(1030)));
}

pub(crate) async fn a_lease_that_another_took_is_lost(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().attempts(5, seconds(0)).build()).await;
    let slow = a.acquire_job(at(0)).await;
    b.recover(at(30), 10).await;

    let while_queued = a.extend(&[held(&slow)], at(31)).await;
    let quick = b.acquire_job(at(31)).await;
    let while_taken = a.extend(&[held(&slow)], at(32)).await;

    assert_eq!((while_queued.lost, while_taken.lost), (vec![slow.id], vec![slow.id]));
    assert_same_job(&a.job(quick.id).await, &quick);
}

pub(crate) async fn a_token_alone_does_not_prolong_a_lease(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;

    let by_another = b.extend(&[held(&job)], at(5)).await;
    let by_another_run = a.restarted(harness).await.extend(&[held(&job)], at(5)).await;

    assert_eq!((by_another.lost, by_another_run.lost), (vec![job.id], vec![job.id]));
    assert_eq!(until(&a, job.id).await, Some(at(30)));
}

pub(crate) async fn jobs_that_ended_or_never_were_are_lost(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_jobs(vec![sample::job().build(), sample::job().build()]).await;
    let jobs = a.acquire_jobs(at(0), 10).await;
    a.finish(&jobs[0], JobOutcome::Success, at(1)).await;
    let never = HeldJob::new(job_id(), jobs[0].token);

    let report = a.extend(&[held(&jobs[0]), held(&jobs[1]), never], at(5)).await;

    assert_eq!(report.lost, [jobs[0].id, never.job_id]);
    assert_eq!(until(&a, jobs[1].id).await, Some(at(35)), "the others are prolonged");
}

pub(crate) async fn jobs_asked_to_stop_are_told_and_prolonged(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_jobs(vec![sample::job().build(), sample::job().build()]).await;
    let jobs = a.acquire_jobs(at(0), 10).await;
    a.cancel(jobs[1].id, at(1)).await;

    let report = a.extend(&jobs.iter().map(held).collect::<Vec<_>>(), at(5)).await;

    assert_eq!(report, LeaseReport { lost: vec![], cancelled: vec![jobs[1].id] });
    assert_eq!(until(&a, jobs[1].id).await, Some(at(35)));
}

pub(crate) async fn prolonging_nothing_reports_nothing(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;

    assert_eq!(a.extend(&[], at(5)).await, LeaseReport::default());
}

pub(crate) async fn many_leases_are_prolonged_at_once(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_jobs((0..500).map(|_| sample::job().build()).collect()).await;
    let jobs = a.acquire_jobs(at(0), 1_000).await;

    let report = a.extend(&jobs.iter().map(held).collect::<Vec<_>>(), at(15)).await;

    assert_eq!(report, LeaseReport::default());
    for job in a.jobs(&Default::default()).await {
        assert_eq!(job.lease.map(|lease| lease.until), Some(at(45)));
    }
    assert_eq!(ids(&jobs), a.job_ids().await);
}

pub(crate) async fn leases_that_end_at_one_moment_are_still_one_for_each_job(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let samples = [(); 3].map(|()| sample::job().attempts(9, seconds(0)).build());
    a.add_jobs(samples.to_vec()).await;
    let jobs = a.acquire_jobs(at(0), 10).await;
    let held: Vec<_> = jobs.iter().map(held).collect();

    a.extend(&held, at(0)).await;
    a.extend(&held, at(0)).await;
    a.release(&jobs[0], Release::HandBack, at(0)).await;
    a.acquire_job(at(0)).await;
    a.cancel(jobs[1].id, at(1)).await;
    let requests = a.cancel_requests().await;
    let events = a.recover(at(30), 2).await;
    let rest = a.recover(at(30), 10).await;

    assert_eq!(requests, [jobs[1].id]);
    assert_eq!(news(&events).len() + news(&rest).len(), 3, "each is recovered once: {events:?}, {rest:?}");
    let left = a.acquire_jobs(at(30), 10).await;
    assert_eq!(left.iter().map(|job| job.attempt).collect::<Vec<_>>(), [2, 2]);
}
