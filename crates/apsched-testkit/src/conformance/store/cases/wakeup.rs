//! `next_wakeup`: there is something to do exactly when something would be given out.

use apsched_core::JobOutcome;
use apsched_core::job::Release;
use apsched_core::schedule::{PauseEdit, ScheduleEdit};
use apsched_core::store::Wakeups;
use chrono::{DateTime, Utc};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::custom_trigger::Twice;
use crate::conformance::store::observed::held;
use crate::conformance::store::process::Process;
use crate::sample::{self, at, schedule_id};

async fn schedule_wakeup(process: &Process, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    process.next_wakeup(now).await.schedule
}

async fn job_wakeup(process: &Process, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    process.next_wakeup(now).await.job
}

async fn lease_wakeup(process: &Process, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    process.next_wakeup(now).await.lease
}

pub(crate) async fn an_empty_store_wakes_nobody(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;

    assert_eq!(a.next_wakeup(at(0)).await, Wakeups::default());
}

pub(crate) async fn the_earliest_fire_time_wakes(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    for (id, first) in [("later", 20), ("sooner", 10)] {
        a.add_schedule(sample::schedule(id).first_at(at(first)).build()).await;
    }

    assert_eq!(schedule_wakeup(&a, at(0)).await, Some(at(10)));
    assert_eq!(schedule_wakeup(&a, at(15)).await, Some(at(10)), "also when it has passed");
}

/// A schedule that is due but not given out must not be promised, or the scheduler spins.
pub(crate) async fn schedules_that_are_not_given_out_do_not_wake(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("paused").build()).await;
    let pause = ScheduleEdit { pause: Some(PauseEdit::Pause), ..ScheduleEdit::default() };
    a.edit(&schedule_id("paused"), pause, at(0)).await;
    a.add_schedule(sample::schedule("finished").settings(|settings| settings.max_fires = Some(0)).build())
        .await;

    assert_eq!(schedule_wakeup(&a, at(100)).await, None);
}

pub(crate) async fn a_leased_schedule_wakes_when_its_lease_ends(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_schedule(sample::schedule("s").build()).await;
    a.acquire_schedule(at(0)).await;

    assert_eq!(schedule_wakeup(&b, at(5)).await, Some(at(30)));
    assert_eq!(b.acquire_schedules(at(30), 10).await.len(), 1, "as promised");
}

/// The first end of a lease is looked for by another way than the first fire time.
pub(crate) async fn a_leased_schedule_with_a_custom_trigger_wakes_who_knows_it(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_schedule(sample::schedule("s").trigger(Twice { first: at(10) }).build()).await;
    a.acquire_schedule(at(10)).await;

    assert_eq!(schedule_wakeup(&b, at(15)).await, Some(at(40)));
    assert_eq!(b.acquire_schedules(at(40), 10).await.len(), 1, "as promised");
}

pub(crate) async fn a_released_schedule_wakes_at_its_next_fire_time(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").build()).await;
    a.fire(at(5)).await;

    assert_eq!(schedule_wakeup(&a, at(5)).await, Some(at(10)));
}

pub(crate) async fn the_earliest_queued_job_wakes(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let jobs = [(30, 9), (20, 1)]
        .map(|(second, priority)| sample::job().run_at(at(second)).priority(priority).build());
    a.add_jobs(jobs.to_vec()).await;

    assert_eq!(job_wakeup(&a, at(0)).await, Some(at(20)));
    assert_eq!(job_wakeup(&a, at(25)).await, Some(at(20)), "also when it has passed");
}

pub(crate) async fn jobs_that_the_caller_cannot_run_do_not_wake_it(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await.knowing(&["send"], &["async"]);
    let knows_more = Process::start(harness, "b").await.knowing(&["send", "hash"], &["async", "gpu"]);
    a.add_job(sample::job().task("hash").run_at(at(1)).build()).await;
    a.add_job(sample::job().job_executor("gpu").run_at(at(2)).build()).await;
    a.add_job(sample::job().run_at(at(3)).build()).await;

    assert_eq!(job_wakeup(&a, at(0)).await, Some(at(3)));
    assert_eq!(job_wakeup(&knows_more, at(0)).await, Some(at(1)));
}

pub(crate) async fn jobs_of_a_saturated_task_do_not_wake(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.limit("send", Some(1)).await;
    a.limit("mail", Some(0)).await;
    a.add_jobs(vec![sample::job().build(), sample::job().build()]).await;
    a.add_job(sample::job().task("mail").build()).await;
    a.add_job(sample::job().task("hash").run_at(at(50)).build()).await;

    let job = a.acquire_job(at(0)).await;
    let saturated = job_wakeup(&a, at(1)).await;
    a.finish(&job, JobOutcome::Success, at(2)).await;
    let free = job_wakeup(&a, at(2)).await;

    assert_eq!((saturated, free), (Some(at(50)), Some(at(0))));
}

pub(crate) async fn running_jobs_do_not_wake_as_jobs(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;
    a.acquire_job(at(0)).await;

    assert_eq!(job_wakeup(&a, at(5)).await, None);
    assert_eq!(job_wakeup(&a, at(500)).await, None, "an expired lease is a matter of `recover`");
}

pub(crate) async fn a_job_that_is_to_run_again_wakes_at_its_time(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_job(sample::job().build()).await;
    let job = a.acquire_job(at(0)).await;
    a.release(&job, Release::RunAgain { run_at: at(70), attempt: 1 }, at(1)).await;

    assert_eq!(job_wakeup(&a, at(1)).await, Some(at(70)));
}

pub(crate) async fn the_earliest_end_of_a_lease_wakes(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_jobs(vec![sample::job().build(), sample::job().build()]).await;
    let first = a.acquire_jobs(at(0), 1).await.remove(0);
    a.acquire_jobs(at(7), 1).await;

    let before = lease_wakeup(&b, at(10)).await;
    a.extend(&[held(&first)], at(10)).await;
    let prolonged = lease_wakeup(&b, at(10)).await;
    let expired = lease_wakeup(&b, at(100)).await;

    assert_eq!((before, prolonged, expired), (Some(at(30)), Some(at(37)), Some(at(37))));
}

/// What is promised is given out, what is not promised is not; over random histories.
pub(crate) async fn what_is_promised_is_what_is_given_out(harness: &dyn StoreHarness) {
    let mut random = fastrand::Rng::with_seed(7);
    let schedulers = [Process::start(harness, "a").await, Process::start(harness, "b").await];
    schedulers[0].limit("send", Some(2)).await;
    schedulers[0].limit("hash", Some(1)).await;
    let mut now = at(0);
    for step in 0..200 {
        now += chrono::TimeDelta::seconds(random.i64(0..20));
        let process = random.choice(&schedulers).expect("there are two");
        act(process, &mut random, now, step).await;

        let promised = process.next_wakeup(now).await;
        let job = process.acquire_jobs(now, 1).await;
        assert_eq!(
            promised.job.is_some_and(|job| job <= now),
            !job.is_empty(),
            "step {step}: {promised:?}, {job:?}"
        );
        for job in job.iter().filter(|_| random.bool()) {
            process.release(job, Release::HandBack, now).await;
        }
        let schedules = process.acquire_schedules(now, 1).await;
        let is_promised = promised.schedule.is_some_and(|schedule| schedule <= now);
        assert_eq!(is_promised, !schedules.is_empty(), "step {step}: {promised:?}, {schedules:?}");
        let releases = schedules.iter().filter(|_| random.bool()).map(|acquired| process.plan(acquired, now));
        process.release_schedules(releases.collect(), now).await;
    }
}

/// One thing that users, workers or time may do.
async fn act(process: &Process, random: &mut fastrand::Rng, now: DateTime<Utc>, step: usize) {
    let soon = now + chrono::TimeDelta::seconds(random.i64(-5..30));
    let task = ["send", "hash", "mail", "unknown"][random.usize(0..4)];
    match random.u8(0..7) {
        0 | 1 => drop(process.add_job(sample::job().task(task).run_at(soon).build()).await),
        2 => {
            let schedule = sample::schedule(&format!("s{step}")).task(task).once_at(soon);
            process.add_schedule(schedule.added_at(now).build()).await;
        }
        3 => {
            for job in process.acquire_jobs(now, 2).await {
                process.finish(&job, JobOutcome::Success, now).await;
            }
        }
        4 => drop(process.recover(now, 10).await),
        5 => drop(process.acquire_jobs(now, 1).await),
        _ => drop(process.cleanup(now).await),
    }
}
