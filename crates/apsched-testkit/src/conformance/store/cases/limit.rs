//! `max_running_jobs`: how many jobs of one task run at once over all schedulers; counted from leases, never stored.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apsched_core::JobOutcome;
use apsched_core::job::Release;

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::ids;
use crate::conformance::store::process::Process;
use crate::sample::{self, at, seconds};

async fn add(process: &Process, task: &str, count: usize) -> Vec<apsched_core::JobId> {
    let jobs: Vec<_> = (0..count).map(|_| sample::job().task(task).build()).collect();
    process.add_jobs(jobs.clone()).await;
    ids(&jobs)
}

pub(crate) async fn one_call_takes_no_more_than_the_limit(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.limit("send", Some(2)).await;
    let jobs = add(&a, "send", 5).await;

    assert_eq!(ids(&a.acquire_jobs(at(0), 10).await), jobs[..2]);
    assert!(a.acquire_jobs(at(0), 10).await.is_empty());
}

pub(crate) async fn jobs_of_all_schedulers_count(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.limit("send", Some(3)).await;
    add(&a, "send", 5).await;

    let by_a = a.acquire_jobs(at(0), 2).await;
    let by_b = b.acquire_jobs(at(0), 10).await;

    assert_eq!((by_a.len(), by_b.len()), (2, 1));
}

/// A due query that applies its LIMIT before the task limit would see the saturated task alone.
pub(crate) async fn a_saturated_task_does_not_stand_in_the_way_of_others(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.limit("send", Some(1)).await;
    a.limit("hash", Some(1)).await;
    let jobs = (0..500).map(|_| sample::job().task("send").priority(9).build());
    a.add_jobs(jobs.collect()).await;
    let behind = add(&a, "hash", 2).await;

    let first = a.acquire_jobs(at(0), 2).await;
    let second = a.acquire_jobs(at(0), 1).await;

    assert_eq!(first.iter().map(|job| job.task_id.as_str()).collect::<Vec<_>>(), ["send", "hash"]);
    assert_eq!(first[1].id, behind[0]);
    assert!(second.is_empty(), "both tasks are saturated now");
}

pub(crate) async fn the_slots_of_a_task_go_to_its_first_jobs(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.limit("send", Some(2)).await;
    let jobs = [1, 5, 3].map(|priority| sample::job().priority(priority).build());
    a.add_jobs(jobs.to_vec()).await;
    let other = sample::job().task("mail").priority(4).build();
    a.add_jobs(vec![other.clone()]).await;

    assert_eq!(ids(&a.acquire_jobs(at(0), 10).await), [jobs[1].id, other.id, jobs[2].id]);
}

pub(crate) async fn every_way_to_release_frees_the_slot(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.limit("send", Some(1)).await;
    add(&a, "send", 2).await;

    for round in 0..20 {
        let now = at(round * 100);
        let job = a.acquire_job(now).await;
        assert!(a.acquire_jobs(now, 10).await.is_empty(), "round {round}: one slot");
        match round % 4 {
            0 => drop(a.release(&job, Release::HandBack, now).await),
            1 => drop(a.release(&job, Release::RunAgain { run_at: now, attempt: 0 }, now).await),
            2 => {
                a.finish(&job, JobOutcome::Success, now).await;
                add(&a, "send", 1).await;
            }
            _ => {
                a.recover(at(round * 100 + 30), 10).await;
                add(&a, "send", 1).await;
            }
        }
    }
}

pub(crate) async fn a_lowered_limit_waits_for_running_jobs(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.limit("send", Some(3)).await;
    add(&a, "send", 6).await;
    let running = a.acquire_jobs(at(0), 10).await;

    a.limit("send", Some(2)).await;
    a.finish(&running[0], JobOutcome::Success, at(1)).await;
    let with_two_running = a.acquire_jobs(at(1), 10).await;
    a.finish(&running[1], JobOutcome::Success, at(2)).await;
    let with_one_running = a.acquire_jobs(at(2), 10).await;

    assert_eq!((running.len(), with_two_running.len(), with_one_running.len()), (3, 0, 1));
}

pub(crate) async fn a_raised_limit_holds_at_once(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.limit("send", Some(1)).await;
    add(&a, "send", 6).await;
    a.acquire_job(at(0)).await;

    a.limit("send", Some(4)).await;

    assert_eq!(a.acquire_jobs(at(0), 10).await.len(), 3);
}

pub(crate) async fn zero_starts_none_and_no_limit_starts_all(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.limit("send", Some(0)).await;
    a.limit("hash", None).await;
    add(&a, "send", 3).await;
    let unlimited = add(&a, "hash", 50).await;

    assert_eq!(ids(&a.acquire_jobs(at(0), 100).await), unlimited);
}

pub(crate) async fn jobs_of_an_undeclared_task_run_one_at_a_time(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;
    let jobs = add(&a, "send", 2).await;

    let first = a.acquire_jobs(at(0), 10).await;
    let while_it_runs = a.next_wakeup(at(0)).await.job;
    a.finish(&first[0], JobOutcome::Success, at(1)).await;
    let second = a.acquire_jobs(at(1), 10).await;

    assert_eq!((ids(&first), while_it_runs, ids(&second)), (vec![jobs[0]], None, vec![jobs[1]]));
}

pub(crate) async fn the_limit_holds_however_many_schedulers_race(harness: &dyn StoreHarness) {
    const JOBS: usize = 60;
    const LIMIT: usize = 3;
    let names = ["a", "b", "c", "d"];
    let mut processes = Vec::new();
    for name in names {
        processes.push(Process::start(harness, name).await);
    }
    processes[0].limit("send", u32::try_from(LIMIT).ok()).await;
    let added = add(&processes[0], "send", JOBS).await;

    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let left = Arc::new(AtomicUsize::new(JOBS));
    let work = processes.into_iter().map(|process| {
        let (running, most, left) = (running.clone(), most.clone(), left.clone());
        tokio::spawn(async move {
            let mut ran = Vec::new();
            while left.load(Ordering::SeqCst) > 0 {
                for job in process.acquire_jobs(at(0), 2).await {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    running.fetch_sub(1, Ordering::SeqCst);
                    process.finish(&job, JobOutcome::Success, at(0)).await;
                    left.fetch_sub(1, Ordering::SeqCst);
                    ran.push(job.id);
                }
                tokio::task::yield_now().await;
            }
            ran
        })
    });
    let mut ran = BTreeSet::new();
    for worker in work.collect::<Vec<_>>() {
        ran.extend(worker.await.expect("works until nothing is left"));
    }

    assert_eq!(ran, added.into_iter().collect());
    assert!(most.load(Ordering::SeqCst) <= LIMIT, "at most {LIMIT} ran at once, found {most:?}");
}

pub(crate) async fn a_slot_of_a_vanished_worker_is_free_after_recovery(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.limit("send", Some(1)).await;
    let job = sample::job().attempts(2, seconds(100)).build();
    a.add_jobs(vec![job, sample::job().build()]).await;
    a.acquire_job(at(0)).await;

    b.recover(at(30), 10).await;

    assert_eq!(b.acquire_jobs(at(30), 10).await.len(), 1, "the other job takes the slot");
}
