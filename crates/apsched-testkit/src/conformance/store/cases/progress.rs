//! `set_progress`: what a running job says about itself, by who holds it.

use apsched_core::event::JobProgressed;
use apsched_core::{Progress, StoreError};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::only;
use crate::conformance::store::process::{Process, done};
use crate::sample::{self, at, seconds};

pub(crate) async fn progress_of_a_running_job_is_kept(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;

    let first = done("set_progress", a.set_progress(&job, Progress::new(0.25, "half of ½")).await);
    done("set_progress", a.set_progress(&job, Progress::new(0.75, "more")).await);

    assert_eq!(only::<JobProgressed>(&first).job_id, job.id);
    let seen = Process::start(harness, "b").await.job(job.id).await;
    assert_eq!((seen.progress, seen.lease), (Some(Progress::new(0.75, "more")), job.lease));
}

pub(crate) async fn a_worker_that_lost_its_claim_says_nothing_any_more(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().attempts(2, seconds(0)).build()).await;
    let slow = a.acquire_job(at(0)).await;
    b.recover(at(30), 10).await;
    let quick = b.acquire_job(at(30)).await;
    done("set_progress", b.set_progress(&quick, Progress::new(0.5, "mine")).await);

    let stale = a.set_progress(&slow, Progress::new(0.9, "stale")).await;

    assert!(
        matches!(&stale, Err(StoreError::LeaseLost { job_id, holder }) if *job_id == slow.id && holder == a.id()),
        "{stale:?}"
    );
    assert_eq!(a.job(slow.id).await.progress, Some(Progress::new(0.5, "mine")));
}

pub(crate) async fn a_job_that_is_not_held_has_no_progress(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let job = sample::job().build();
    let unknown = a.set_progress(&job, Progress::new(0.1, "")).await;
    a.add_job(job.clone()).await;
    let queued = a.set_progress(&job, Progress::new(0.1, "")).await;

    for answer in [unknown, queued] {
        assert!(matches!(answer, Err(StoreError::LeaseLost { .. })), "{answer:?}");
    }
    assert_eq!(a.job(job.id).await.progress, None);
}
