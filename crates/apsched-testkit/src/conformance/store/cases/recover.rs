//! `recover`: what becomes of jobs whose worker vanished; the one path by which an expired lease ends.

use apsched_core::event::{JobReleased, JobRequeued};
use apsched_core::job::Release;
use apsched_core::{Event, JobOutcome, JobState, Progress, StoreError};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::{all, finished, held, news, only, release_of};
use crate::conformance::store::process::{Process, done};
use crate::sample::{self, at, just_before, seconds};

pub(crate) async fn a_job_with_attempts_left_is_queued_again(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().attempts(3, seconds(7)).start_deadline(at(1)).build()).await;
    let lost = a.acquire_job(at(0)).await;

    let events = b.recover(at(30), 10).await;

    let queued = b.job(lost.id).await;
    assert_eq!((queued.state(), queued.run_at, queued.attempt), (JobState::Queued, at(37), 1));
    assert_eq!(queued.start_deadline, None, "an attempt was made");
    assert!(queued.token > lost.token);
    assert_eq!(only::<JobRequeued>(&events), JobRequeued::new(lost.id, lost.task_id, at(37), 1));
    assert_eq!(b.acquire_job(at(37)).await.attempt, 2);
}

pub(crate) async fn a_job_without_attempts_left_ends_as_abandoned(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().build()).await;
    let lost = a.acquire_job(at(0)).await;

    let events = b.recover(at(30), 10).await;

    assert!(b.job_ids().await.is_empty());
    let result = b.result(lost.id).await.expect("the result is kept");
    assert_eq!((result.outcome, result.attempt, result.finished_at), (JobOutcome::Abandoned, 1, at(30)));
    assert!(result.error.is_some(), "it says why");
    let event = only::<JobReleased>(&events);
    assert_eq!((event.job_id, event.outcome), (lost.id, JobOutcome::Abandoned));
}

pub(crate) async fn a_lease_is_recovered_when_it_expires_and_not_before(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;

    let before = b.recover(just_before(at(30)), 10).await;
    let still_running = b.job(job.id).await.state();
    let then = b.recover(at(30), 10).await;

    assert_eq!((before, still_running), (vec![], JobState::Running));
    assert_eq!(only::<JobReleased>(&then).job_id, job.id);
}

pub(crate) async fn a_restarted_scheduler_takes_back_the_jobs_of_its_earlier_run(harness: &dyn StoreHarness) {
    let first_run = Process::start(harness, "pod-1").await;
    first_run.add_job(sample::job().attempts(2, seconds(0)).build()).await;
    let lost = first_run.acquire_job(at(0)).await;

    let second_run = first_run.restarted(harness).await;
    second_run.take_over(at(1)).await;

    let recovered = second_run.acquire_job(at(1)).await;
    assert_eq!((recovered.id, recovered.attempt), (lost.id, 2));
    let late =
        first_run.release_jobs(vec![release_of(&lost, finished(JobOutcome::Success, at(2)))], at(2)).await;
    assert_eq!(late.lost, [lost.id]);
}

pub(crate) async fn a_restarted_scheduler_takes_back_the_schedules_of_its_earlier_run(
    harness: &dyn StoreHarness,
) {
    let first_run = Process::start(harness, "pod-1").await;
    let other = Process::start(harness, "pod-2").await;
    first_run.add_schedule(sample::schedule("mine").build()).await;
    first_run.add_schedule(sample::schedule("of another").first_at(at(1)).build()).await;
    let lost = first_run.acquire_schedule(at(0)).await;
    other.acquire_schedule(at(1)).await;

    let second_run = first_run.restarted(harness).await;
    second_run.take_over(at(2)).await;
    let taken = second_run.acquire_schedule(at(2)).await;

    assert_eq!(taken.schedule.id, lost.schedule.id);
    assert!(taken.schedule.token > lost.schedule.token);
    let late = first_run.release_schedules(vec![first_run.plan(&lost, at(2))], at(2)).await;
    assert_eq!(late.lost, [lost.schedule.id]);
}

pub(crate) async fn earlier_runs_are_left_alone_unless_asked(harness: &dyn StoreHarness) {
    let first_run = Process::start(harness, "pod-1").await;
    first_run.add_job(sample::job().build()).await;
    let job = first_run.acquire_job(at(0)).await;

    let second_run = first_run.restarted(harness).await;
    let events = second_run.recover(at(29), 10).await;

    assert_eq!(events, []);
    first_run.finish(&job, JobOutcome::Success, at(29)).await;
}

pub(crate) async fn leases_of_other_schedulers_and_of_this_run_are_left_alone(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let other = Process::start(harness, "a2").await;
    let upper = Process::start(harness, "A").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;

    for process in [&a, &other, &upper] {
        let events = process.take_over(at(29)).await;
        assert_eq!(news(&events), Vec::<&Event>::new(), "{}", process.id());
    }

    a.finish(&job, JobOutcome::Success, at(29)).await;
}

pub(crate) async fn a_vanished_worker_that_comes_back_is_refused(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_jobs(vec![sample::job().attempts(2, seconds(0)).build(), sample::job().build()]).await;
    let lost = a.acquire_jobs(at(0), 10).await;
    b.recover(at(30), 10).await;

    let extended = a.extend(&[held(&lost[0]), held(&lost[1])], at(31)).await;
    let releases = lost.iter().map(|job| release_of(job, finished(JobOutcome::Success, at(31))));
    let released = a.release_jobs(releases.collect(), at(31)).await;
    let progress = a.set_progress(&lost[0], Progress::new(1.0, "done")).await;

    assert_eq!((extended.lost, released.lost), (vec![lost[0].id, lost[1].id], vec![lost[0].id, lost[1].id]));
    assert!(matches!(progress, Err(StoreError::LeaseLost { .. })), "{progress:?}");
    assert_eq!(a.job(lost[0].id).await.state(), JobState::Queued);
    assert_eq!(a.outcome(lost[1].id).await, Some(JobOutcome::Abandoned));
}

pub(crate) async fn a_cancel_request_is_answered_when_the_worker_vanished(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().attempts(5, seconds(0)).build()).await;
    let lost = a.acquire_job(at(0)).await;
    b.cancel(lost.id, at(1)).await;

    let events = b.recover(at(30), 10).await;

    assert_eq!(only::<JobReleased>(&events).outcome, JobOutcome::Cancelled);
    assert_eq!(b.outcome(lost.id).await, Some(JobOutcome::Cancelled));
}

pub(crate) async fn at_most_the_limit_is_recovered_earliest_expiry_first(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    let mut jobs = Vec::new();
    for second in [2, 0, 1] {
        a.add_job(sample::job().build()).await;
        jobs.push((second, a.acquire_job(at(second)).await.id));
    }
    jobs.sort();

    let recovered =
        |events: Vec<Event>| all::<JobReleased>(&events).iter().map(|event| event.job_id).collect::<Vec<_>>();
    let none = recovered(b.recover(at(100), 0).await);
    let two = recovered(b.recover(at(100), 2).await);
    let rest = recovered(b.recover(at(100), 2).await);

    assert_eq!(none, []);
    assert_eq!(two, [jobs[0].1, jobs[1].1]);
    assert_eq!(rest, [jobs[2].1]);
}

pub(crate) async fn recovering_again_changes_nothing(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().attempts(2, seconds(100)).build()).await;
    let lost = a.acquire_job(at(0)).await;
    a.recover(at(30), 10).await;
    let before = format!("{:?}", a.job(lost.id).await);

    let again = a.recover(at(31), 10).await;

    assert_eq!(again, []);
    assert_eq!(format!("{:?}", a.job(lost.id).await), before);
}

pub(crate) async fn a_job_is_recovered_once_however_many_schedulers_race(harness: &dyn StoreHarness) {
    const JOBS: usize = 60;
    let a = Process::start(harness, "a").await;
    a.add_jobs((0..JOBS).map(|_| sample::job().build()).collect()).await;
    a.acquire_jobs(at(0), JOBS).await;

    let recover = |process: Process| {
        tokio::spawn(async move {
            let mut recovered = Vec::new();
            loop {
                let batch = all::<JobReleased>(&process.recover(at(30), 4).await);
                if batch.is_empty() {
                    return recovered;
                }
                recovered.extend(batch.iter().map(|event| event.job_id));
            }
        })
    };
    let (b, c) = (Process::start(harness, "b").await, Process::start(harness, "c").await);
    let (by_b, by_c) = tokio::join!(recover(b), recover(c));

    let mut recovered = by_b.expect("b recovers until nothing is left");
    recovered.extend(by_c.expect("c recovers until nothing is left"));
    recovered.sort();
    let count = recovered.len();
    recovered.dedup();
    assert_eq!((count, recovered.len()), (JOBS, JOBS), "each by one of them");
}

pub(crate) async fn a_job_is_either_released_or_recovered(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    for _ in 0..30 {
        a.add_job(sample::job().build()).await;
        let job = a.acquire_job(at(0)).await;
        let release = release_of(&job, finished(JobOutcome::Success, at(30)));
        let (late, vanished) = (a.clone(), b.clone());

        let released = tokio::spawn(async move { late.release_jobs(vec![release], at(30)).await });
        let recovered = tokio::spawn(async move { vanished.recover(at(30), 10).await });
        let released = released.await.expect("the release is answered");
        let recovered = recovered.await.expect("the recovery is answered");

        let outcome = if released.lost.is_empty() { JobOutcome::Success } else { JobOutcome::Abandoned };
        assert_eq!(a.outcome(job.id).await, Some(outcome));
        assert_eq!(all::<JobReleased>(&released.events).len() + all::<JobReleased>(&recovered).len(), 1);
    }
}

pub(crate) async fn a_handed_back_job_is_not_recovered(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;
    a.release(&job, Release::HandBack, at(1)).await;

    assert_eq!(a.recover(at(100), 10).await, []);
    assert!(done("job_result", a.store().job_result(job.id).await).is_none());
}

/// A job that waits for a slot waits until its deadline only.
pub(crate) async fn a_queued_job_past_its_deadline_ends_as_missed(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let late = a.add_job(sample::job().start_deadline(at(5)).build()).await;
    a.add_job(sample::job().start_deadline(at(50)).build()).await;

    let in_time = a.recover(at(5), 10).await;
    let events = a.recover(at(6), 10).await;

    assert_eq!(news(&in_time), Vec::<&Event>::new());
    let event = only::<JobReleased>(&events);
    assert_eq!((event.job_id, event.outcome), (late, JobOutcome::MissedStartDeadline));
    let result = a.result(late).await.expect("the result is kept");
    assert_eq!((result.attempt, result.started_at, result.finished_at), (0, None, at(6)));
    assert_eq!(a.job_ids().await.len(), 1, "the other one has time");
}

pub(crate) async fn a_deadline_is_for_the_start_and_does_not_end_a_running_job(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().start_deadline(at(5)).build()).await;
    let running = a.acquire_job(at(1)).await;

    a.recover(at(6), 10).await;
    assert_eq!(a.job(running.id).await.state(), JobState::Running);
    a.release(&running, Release::HandBack, at(7)).await;
    let events = a.recover(at(8), 10).await;

    assert_eq!(
        only::<JobReleased>(&events).outcome,
        JobOutcome::MissedStartDeadline,
        "it is queued again, and late"
    );
}

pub(crate) async fn the_passing_of_a_deadline_is_a_wakeup(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().start_deadline(at(5)).build()).await;

    let promised = a.next_wakeup(at(0)).await.lease.expect("the deadline passes");

    assert!(promised > at(5) && promised <= at(6), "{promised}");
    assert!(!a.recover(promised, 10).await.is_empty());
    assert_eq!(a.next_wakeup(promised).await.lease, None);
}
