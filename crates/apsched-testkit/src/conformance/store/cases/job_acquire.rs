//! `acquire_jobs`: who gets which job, in which order, and for how long.

use std::collections::BTreeSet;

use apsched_core::event::{EventInterest, JobAcquired};
use apsched_core::lease::Lease;
use apsched_core::store::AcquireJobs;
use apsched_core::{Abilities, JobState, SchedulerId};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::{ids, only};
use crate::conformance::store::process::{LEASE, Process, done};
use crate::sample::{self, at, at_micros, executor, just_before, seconds, task_id};

pub(crate) async fn a_due_job_is_leased_to_who_acquires_it(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let id = a.add_job(sample::job().payload("text".to_owned()).of_schedule("s").build()).await;

    let (acquired, events) = a.acquire_jobs_with_events(at(3), 10).await;

    assert_eq!(ids(&acquired), [id]);
    let job = &acquired[0];
    let lease = Lease { holder: a.id().clone(), token: job.token, until: at(33) };
    assert_eq!((job.lease.as_ref(), job.attempt, job.state()), (Some(&lease), 1, JobState::Running));
    assert_eq!(job.payload.clone().into_value::<String>(a.serializers()).as_deref().ok(), Some("text"));
    let event = only::<JobAcquired>(&events);
    assert_eq!((event.job_id, event.attempt, &event.scheduler_id), (id, 1, a.id()));
    assert_eq!((event.task_id, event.schedule_id), (job.task_id.clone(), job.schedule_id.clone()));
    assert_eq!(a.job(id).await.lease, Some(lease));
}

pub(crate) async fn a_job_is_due_at_its_time_and_not_before(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let run_at = at_micros(7_000_001);
    a.add_job(sample::job().run_at(run_at).build()).await;

    let before = a.acquire_jobs(just_before(run_at), 10).await;
    let then = a.acquire_jobs(run_at, 10).await;

    assert_eq!((before.len(), then.len()), (0, 1));
}

pub(crate) async fn a_scheduler_whose_clock_is_behind_gets_what_is_due_by_its_own(
    harness: &dyn StoreHarness,
) {
    let ahead = Process::start(harness, "a").await;
    let behind = Process::start(harness, "b").await;
    let jobs = [10, 12, 14].map(|second| sample::job().run_at(at(second)).build());
    ahead.add_jobs(jobs.to_vec()).await;

    let first = ahead.acquire_jobs(at(20), 1).await;
    let promised = behind.next_wakeup(at(12)).await.job;
    let second = behind.acquire_jobs(at(12), 10).await;
    let third = behind.acquire_jobs(at(14), 10).await;

    assert_eq!((ids(&first), promised), (vec![jobs[0].id], Some(at(12))));
    assert_eq!((ids(&second), ids(&third)), (vec![jobs[1].id], vec![jobs[2].id]));
}

pub(crate) async fn a_job_past_its_start_deadline_is_given_out_to_be_ended(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let id = a.add_job(sample::job().start_deadline(at(1)).build()).await;

    let job = a.acquire_job(at(100)).await;

    assert_eq!((job.id, job.start_deadline), (id, Some(at(1))));
    assert!(job.has_missed_start_deadline(at(100)));
}

pub(crate) async fn jobs_of_unknown_tasks_and_executors_stay_queued(harness: &dyn StoreHarness) {
    let knows_little = Process::start(harness, "a").await.knowing(&["send"], &["async"]);
    let knows_nothing = Process::start(harness, "b").await.knowing(&[], &[]);
    let knows_all = Process::start(harness, "c").await.knowing(&["send", "hash"], &["async", "gpu"]);
    let plain = knows_little.add_job(sample::job().build()).await;
    let other_task = knows_little.add_job(sample::job().task("hash").build()).await;
    let other_executor = knows_little.add_job(sample::job().job_executor("gpu").build()).await;

    assert!(knows_nothing.acquire_jobs(at(0), 10).await.is_empty());
    assert_eq!(ids(&knows_little.acquire_jobs(at(0), 10).await), [plain]);
    assert_eq!(ids(&knows_all.acquire_jobs(at(0), 10).await), [other_task, other_executor]);
}

pub(crate) async fn task_ids_are_told_apart_by_case_and_space(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    for other in ["Send", "send ", "sénd", "sen_", "sen%"] {
        a.add_job(sample::job().task(other).build()).await;
    }

    assert!(a.acquire_jobs(at(0), 10).await.is_empty(), "this process knows `send` alone");
}

/// LIMIT applied before the condition would find the jobs of unknown tasks, and nothing else.
pub(crate) async fn jobs_that_may_not_be_taken_do_not_use_up_the_limit(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let unknown = (0..50).map(|_| sample::job().task("unknown").priority(9).build());
    a.add_jobs(unknown.collect()).await;
    let known = a.add_job(sample::job().run_at(at(1)).build()).await;

    assert_eq!(ids(&a.acquire_jobs(at(1), 1).await), [known]);
}

pub(crate) async fn priority_comes_first_then_time_then_id(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let later_id_earlier_time = sample::job().run_at(at(1));
    let jobs = [
        sample::job().run_at(at(3)).build(),
        sample::job().run_at(at(2)).build(),
        sample::job().run_at(at(2)).build(),
        later_id_earlier_time.build(),
        sample::job().run_at(at(3)).priority(1).build(),
        sample::job().run_at(at(0)).priority(-1).build(),
        sample::job().run_at(at(3)).priority(i32::MAX).task("hash").build(),
        sample::job().run_at(at(0)).priority(i32::MIN).build(),
    ];
    a.add_jobs(jobs.to_vec()).await;

    let acquired = a.acquire_jobs(at(3), 100).await;

    let expected: Vec<_> = [6, 4, 3, 1, 2, 0, 5, 7].iter().map(|&index: &usize| jobs[index].id).collect();
    assert_eq!(ids(&acquired), expected);
}

pub(crate) async fn at_most_the_limit_of_jobs_is_acquired(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let jobs = [3, 2, 1].map(|priority| sample::job().priority(priority).build());
    a.add_jobs(jobs.to_vec()).await;

    let none = a.acquire_jobs(at(5), 0).await;
    let two = a.acquire_jobs(at(5), 2).await;
    let rest = a.acquire_jobs(at(5), 2).await;

    assert!(none.is_empty());
    assert_eq!(ids(&two), ids(&jobs[..2]));
    assert_eq!(ids(&rest), ids(&jobs[2..]));
}

pub(crate) async fn a_running_job_is_not_given_out_again(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().build()).await;
    a.acquire_job(at(0)).await;

    assert!(a.acquire_jobs(at(1), 10).await.is_empty());
    assert!(b.acquire_jobs(at(1), 10).await.is_empty());
}

/// An expired lease that one call gives out again and another abandons would end one job twice.
pub(crate) async fn a_job_whose_lease_expired_is_recovered_not_acquired(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().attempts(2, seconds(0)).build()).await;
    let lost = a.acquire_job(at(0)).await;

    let acquired = b.acquire_jobs(at(1000), 10).await;
    b.recover(at(1000), 10).await;
    let recovered = b.acquire_job(at(1000)).await;

    assert!(acquired.is_empty(), "an expired lease is ended by `recover` alone");
    assert_eq!((recovered.id, recovered.attempt), (lost.id, 2));
}

pub(crate) async fn the_token_of_a_job_grows_with_every_claim(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;

    let mut last = None;
    for round in 0..5 {
        let job = a.acquire_job(at(round)).await;
        assert_eq!(job.lease.as_ref().map(|lease| lease.token), Some(job.token));
        assert!(Some(job.token) > last, "{:?} after {last:?}", job.token);
        last = Some(job.token);
        a.release(&job, apsched_core::job::Release::HandBack, at(round)).await;
    }
}

pub(crate) async fn jobs_are_acquired_though_nobody_listens(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let id = a.add_job(sample::job().build()).await;
    let request = AcquireJobs {
        scheduler_id: SchedulerId::clone(a.id()),
        now: at(0),
        lease: LEASE,
        limit: 10,
        abilities: Abilities::new([task_id("send")], [executor("async")]).into(),
        interest: EventInterest::NONE,
    };

    let (acquired, _) = done("acquire_jobs", a.store().acquire_jobs(request).await);

    assert_eq!(ids(&acquired), [id]);
}

pub(crate) async fn two_schedulers_never_get_the_same_job(harness: &dyn StoreHarness) {
    const JOBS: usize = 200;
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_jobs((0..JOBS).map(|_| sample::job().build()).collect()).await;

    let take = |process: Process| {
        tokio::spawn(async move {
            let mut taken = Vec::new();
            loop {
                let batch = process.acquire_jobs(at(0), 7).await;
                if batch.is_empty() {
                    return taken;
                }
                taken.extend(ids(&batch));
            }
        })
    };
    let (by_a, by_b) = tokio::join!(take(a), take(b));

    let mut taken = by_a.expect("a takes jobs until there are none");
    taken.extend(by_b.expect("b takes jobs until there are none"));
    assert_eq!(taken.len(), JOBS);
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), JOBS, "each to one of them");
}
