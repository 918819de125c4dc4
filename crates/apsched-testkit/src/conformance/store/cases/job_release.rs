//! `release_jobs`: how a claim ends, written as a whole by who still holds it.

use apsched_core::event::{EventInterest, JobReleased, JobRequeued, Wakeup};
use apsched_core::job::{FinishedAttempt, Release};
use apsched_core::store::ReleaseJobs;
use apsched_core::{ErrorChain, Job, JobOutcome, JobState, JobStatus, Payload};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::{all, assert_same_job, finished, held, ids, only, release_of};
use crate::conformance::store::process::{Process, done};
use crate::sample::{self, at, at_micros, seconds};

pub(crate) async fn a_finished_job_leaves_the_queue_and_its_result_is_kept(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let added = sample::job().of_schedule("s").fire_time(at_micros(3)).keep_result(seconds(60));
    a.add_job(added.build()).await;
    let job = a.acquire_job(at(0)).await;
    let end = FinishedAttempt {
        outcome: JobOutcome::Success,
        value: Some(a.stored(Payload::live("done".to_owned()))),
        error: None,
        started_at: Some(at_micros(5)),
        finished_at: at_micros(7),
    };

    let events = a.release(&job, Release::Finish(end), at(1)).await;

    assert!(a.job_ids().await.is_empty());
    let result = Process::start(harness, "b").await.result(job.id).await.expect("the result is kept");
    assert_eq!(
        (result.job_id, &result.task_id, &result.schedule_id),
        (job.id, &job.task_id, &job.schedule_id)
    );
    assert_eq!((result.outcome, result.attempt, result.error), (JobOutcome::Success, 1, None));
    assert_eq!((result.fire_time, result.started_at), (Some(at_micros(3)), Some(at_micros(5))));
    assert_eq!((result.finished_at, result.expires_at), (at_micros(7), at_micros(60_000_007)));
    let value = result.value.expect("the value is kept").into_value::<String>(a.serializers());
    assert_eq!(value.as_deref().ok(), Some("done"));
    let event = only::<JobReleased>(&events);
    assert_eq!((event.job_id, event.outcome), (job.id, JobOutcome::Success));
    assert_eq!((event.scheduler_id.as_ref(), event.schedule_id), (Some(a.id()), job.schedule_id));
}

pub(crate) async fn every_outcome_reads_back(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    for outcome in JobOutcome::ALL {
        a.add_job(sample::job().build()).await;
        let job = a.acquire_job(at(0)).await;

        a.finish(&job, outcome, at(1)).await;

        assert_eq!(a.outcome(job.id).await, Some(outcome));
    }
}

pub(crate) async fn an_error_keeps_its_chain_of_messages(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;
    let error = ErrorChain::new(["send the mail".to_owned(), "ошибка \u{1F4A5}\n\"quoted\"".to_owned()]);
    let end = FinishedAttempt::without_run(JobOutcome::Error, at(1));

    a.release(&job, Release::Finish(FinishedAttempt { error: Some(error.clone()), ..end }), at(1)).await;

    let result = a.result(job.id).await.expect("the result is kept");
    assert_eq!((result.error, result.started_at, result.value.is_none()), (Some(error), None, true));
}

pub(crate) async fn a_result_that_is_not_to_be_kept_is_not(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().keep_result(seconds(0)).build()).await;
    let job = a.acquire_job(at(0)).await;

    let events = a.finish(&job, JobOutcome::Success, at(1)).await;

    assert!(a.result(job.id).await.is_none());
    assert!(matches!(a.status(job.id).await, JobStatus::Unknown));
    assert_eq!(only::<JobReleased>(&events).outcome, JobOutcome::Success);
}

pub(crate) async fn a_job_that_is_to_run_again_is_queued_for_its_time(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().start_deadline(at(2)).build()).await;
    let job = a.acquire_job(at(0)).await;

    let events = a.release(&job, Release::RunAgain { run_at: at(50), attempt: 1 }, at(3)).await;

    let queued = b.job(job.id).await;
    assert_eq!((queued.state(), queued.run_at, queued.attempt), (JobState::Queued, at(50), 1));
    assert_eq!(queued.start_deadline, None, "it was for the first start");
    assert!(b.acquire_jobs(at(49), 10).await.is_empty());
    let next = b.acquire_job(at(50)).await;
    assert_eq!(next.attempt, 2);
    assert!(next.token > job.token);
    assert_eq!(only::<JobRequeued>(&events), JobRequeued::new(job.id, job.task_id, at(50), 1));
    assert_eq!(all::<JobReleased>(&events), [], "it has not ended");
    assert_eq!(only::<Wakeup>(&events).jobs_at, Some(at(50)));
}

pub(crate) async fn a_snoozed_attempt_does_not_count(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;

    a.release(&job, Release::RunAgain { run_at: at(5), attempt: 0 }, at(1)).await;

    assert_eq!(a.job(job.id).await.attempt, 0);
    assert_eq!(a.acquire_job(at(5)).await.attempt, 1);
}

pub(crate) async fn a_job_that_is_handed_back_is_as_before_the_claim(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let first = sample::job().start_deadline(at(500)).build();
    a.add_job(first.clone()).await;
    let before = a.job(first.id).await;

    let job = a.acquire_job(at(0)).await;
    a.release(&job, Release::HandBack, at(1)).await;

    assert_same_job(&a.job(first.id).await, &before);
    let again = a.acquire_job(at(1)).await;
    assert_eq!((again.attempt, again.start_deadline), (1, Some(at(500))));
    assert!(again.token > job.token, "the old claim is void all the same");
}

pub(crate) async fn a_later_attempt_that_is_handed_back_is_as_before_the_claim(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;
    a.release(&job, Release::RunAgain { run_at: at(5), attempt: 1 }, at(1)).await;
    let before = a.job(job.id).await;

    let job = a.acquire_job(at(5)).await;
    a.release(&job, Release::HandBack, at(6)).await;

    assert_same_job(&a.job(job.id).await, &before);
}

pub(crate) async fn a_worker_that_lost_its_claim_writes_nothing(harness: &dyn StoreHarness) {
    let ways = [
        finished(JobOutcome::Success, at(40)),
        Release::RunAgain { run_at: at(99), attempt: 9 },
        Release::HandBack,
    ];
    for (index, way) in ways.into_iter().enumerate() {
        let a = Process::start(harness, "a").await;
        let b = Process::start(harness, "b").await;
        let task = ["send", "mail", "hash"][index];
        a.add_job(sample::job().task(task).attempts(9, seconds(0)).build()).await;
        let slow = a.acquire_job(at(0)).await;
        b.recover(at(30), 10).await;
        let quick = b.acquire_job(at(30)).await;

        let released = a.release_jobs(vec![release_of(&slow, way)], at(40)).await;

        assert_eq!(released.lost, [slow.id]);
        assert!(released.events.is_empty(), "{:?}", released.events);
        assert_same_job(&a.job(quick.id).await, &quick);
        assert!(a.result(quick.id).await.is_none());
    }
}

pub(crate) async fn of_two_releases_of_a_job_the_one_whose_claim_holds_is_written(
    harness: &dyn StoreHarness,
) {
    let a = Process::start(harness, "a").await;
    let finish = |outcome| finished(outcome, at(40));
    let again = |run_at, attempt| Release::RunAgain { run_at: at(run_at), attempt };
    let ways = [
        (finish(JobOutcome::Error), finish(JobOutcome::Success)),
        (again(99, 7), finish(JobOutcome::Success)),
        (finish(JobOutcome::Error), again(50, 2)),
        (again(99, 7), again(50, 2)),
    ];
    for (stale, valid) in ways {
        for is_stale_first in [true, false] {
            a.add_job(sample::job().attempts(9, seconds(0)).build()).await;
            let early = a.acquire_job(at(0)).await;
            a.recover(at(30), 10).await;
            let late = a.acquire_job(at(30)).await;
            let mut releases = vec![release_of(&early, stale.clone()), release_of(&late, valid.clone())];
            if !is_stale_first {
                releases.reverse();
            }

            let released = a.release_jobs(releases, at(40)).await;

            let told = format!("{stale:?}, then {valid:?}, stale first: {is_stale_first}");
            assert_eq!(released.lost, [late.id], "{told}");
            match &valid {
                Release::Finish(end) => assert_eq!(a.outcome(late.id).await, Some(end.outcome), "{told}"),
                _ => {
                    let queued = a.job(late.id).await;
                    assert_eq!((queued.run_at, queued.attempt), (at(50), 2), "{told}");
                    a.cancel(late.id, at(41)).await;
                }
            }
        }
    }
}

pub(crate) async fn a_token_alone_does_not_release_a_job(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;
    let release = release_of(&job, finished(JobOutcome::Success, at(1)));

    let by_another = b.release_jobs(vec![release.clone()], at(1)).await;
    let by_another_run = a.restarted(harness).await.release_jobs(vec![release], at(1)).await;

    assert_eq!((by_another.lost, by_another_run.lost), (vec![job.id], vec![job.id]));
    assert_same_job(&a.job(job.id).await, &job);
}

pub(crate) async fn an_expired_lease_on_a_job_that_nobody_took_still_holds(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;

    a.finish(&job, JobOutcome::Success, at(1000)).await;

    assert_eq!(a.outcome(job.id).await, Some(JobOutcome::Success));
}

pub(crate) async fn a_repeated_release_of_a_job_is_lost(harness: &dyn StoreHarness) {
    let ways = [
        finished(JobOutcome::Error, at(1)),
        Release::RunAgain { run_at: at(2), attempt: 1 },
        Release::HandBack,
    ];
    let a = Process::start(harness, "a").await;
    for (way, task) in ways.into_iter().zip(["send", "mail", "hash"]) {
        a.add_job(sample::job().task(task).build()).await;
        let job = a.acquire_jobs(at(0), 10).await.into_iter().find(|job| job.task_id.as_str() == task);
        let release = release_of(&job.expect("the job is due"), way);
        a.release_jobs(vec![release.clone()], at(1)).await;
        let before = format!("{:?}", a.status(release.job_id).await);

        let repeated = a.release_jobs(vec![release.clone()], at(1)).await;

        assert_eq!(repeated.lost, [release.job_id], "{release:?}");
        assert!(repeated.events.is_empty(), "{:?}", repeated.events);
        assert_eq!(format!("{:?}", a.status(release.job_id).await), before);
        let drained = a.acquire_jobs(at(1), 10).await;
        for job in drained {
            a.finish(&job, JobOutcome::Success, at(1)).await;
        }
    }
}

pub(crate) async fn a_lost_release_of_a_job_does_not_hinder_the_others(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_jobs((0..3).map(|_| sample::job().build()).collect()).await;
    let jobs = a.acquire_jobs(at(0), 10).await;
    a.release(&jobs[1], Release::HandBack, at(0)).await;

    let releases = jobs.iter().map(|job| release_of(job, finished(JobOutcome::Success, at(1))));
    let released = a.release_jobs(releases.collect(), at(1)).await;

    assert_eq!(released.lost, [jobs[1].id]);
    assert_eq!(a.job_ids().await, [jobs[1].id]);
    assert_eq!(a.outcome(jobs[2].id).await, Some(JobOutcome::Success));
}

pub(crate) async fn a_job_asked_to_stop_ends_instead_of_running_again(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    for way in [Release::RunAgain { run_at: at(5), attempt: 1 }, Release::HandBack] {
        a.add_job(sample::job().attempts(5, seconds(1)).build()).await;
        let job = a.acquire_job(at(0)).await;
        a.cancel(job.id, at(1)).await;

        let events = a.release(&job, way.clone(), at(2)).await;

        assert!(a.job_ids().await.is_empty(), "{way:?}");
        assert_eq!(a.outcome(job.id).await, Some(JobOutcome::Cancelled), "{way:?}");
        assert_eq!(only::<JobReleased>(&events).outcome, JobOutcome::Cancelled);
        assert_eq!(all::<JobRequeued>(&events), []);
    }
}

pub(crate) async fn a_job_that_was_done_before_it_could_stop_keeps_its_outcome(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;
    a.cancel(job.id, at(1)).await;

    a.finish(&job, JobOutcome::Success, at(2)).await;

    assert_eq!(a.outcome(job.id).await, Some(JobOutcome::Success));
    assert!(a.cancel_requests().await.is_empty());
}

pub(crate) async fn jobs_are_released_though_nobody_listens(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;
    let releases = vec![release_of(&job, finished(JobOutcome::Success, at(1)))];
    let request = ReleaseJobs {
        scheduler_id: a.id().clone(),
        now: at(1),
        releases: releases.into(),
        interest: EventInterest::NONE,
    };

    done("release_jobs", a.store().release_jobs(request).await);

    assert_eq!(a.outcome(job.id).await, Some(JobOutcome::Success));
}

pub(crate) async fn a_large_batch_is_released_as_a_whole(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_jobs((0..1_000).map(|_| sample::job().build()).collect()).await;
    let jobs: Vec<Job> = a.acquire_jobs(at(0), 10_000).await;

    let releases = jobs.iter().map(|job| release_of(job, finished(JobOutcome::Success, at(1))));
    let released = a.release_jobs(releases.collect(), at(1)).await;

    assert_eq!((jobs.len(), released.lost.len()), (1_000, 0));
    assert!(a.job_ids().await.is_empty());
    let reported: Vec<_> = all::<JobReleased>(&released.events).iter().map(|event| event.job_id).collect();
    assert_eq!(reported, ids(&jobs));
    assert_eq!(a.extend(&[held(&jobs[0])], at(2)).await.lost, [jobs[0].id]);
}
