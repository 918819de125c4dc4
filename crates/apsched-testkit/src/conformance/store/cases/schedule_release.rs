//! `release_schedules`: jobs and advance in one transaction, by who holds the claim on the definition as it is now.

use std::time::Duration;

use apsched_core::event::{FireTimesCutOff, JobAdded, ScheduleQuarantined, Wakeup};
use apsched_core::schedule::{ScheduleAdvance, ScheduleRelease, ScheduleState};
use apsched_core::task::Setting;
use apsched_core::trigger::{Trigger, TriggerExt};
use apsched_core::{Coalesce, Job, Overlap, Schedule};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::{all, assert_same_job, assert_same_schedule, ids, only};
use crate::conformance::store::process::Process;
use crate::sample::{self, ScheduleSample, at, schedule_id, seconds};

/// A schedule each of whose fire times becomes a job.
fn every_time(id: &str) -> ScheduleSample {
    sample::schedule(id).coalesce(Coalesce::All)
}

pub(crate) async fn jobs_and_advance_are_written_together(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(every_time("s").build()).await;

    let fired = a.fire(at(25)).await;

    assert_eq!(a.job_ids().await, ids(&fired.jobs));
    let schedule = a.schedule(&schedule_id("s")).await;
    assert_eq!((schedule.last_fire_time, schedule.next_fire_time), (Some(at(20)), Some(at(30))));
    assert_eq!((schedule.fires, schedule.state, schedule.lease), (3, ScheduleState::Active, None));
}

pub(crate) async fn a_planned_job_reads_back_as_it_was_planned(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let schedule = sample::schedule("s").payload(vec![1_u8, 2, 3]).settings(|settings| {
        settings.max_jitter = seconds(5);
        settings.misfire_grace_time = Setting::Set(Some(Duration::from_micros(1)));
        settings.run.priority = Setting::Set(-5);
    });
    a.add_schedule(schedule.build()).await;

    let fired = a.fire(at(12)).await;

    let planned = fired.job();
    assert!(planned.run_at > at(10) && planned.fire_time == Some(at(10)), "the plan has jitter: {planned:?}");
    assert_same_job(&Process::start(harness, "b").await.job(planned.id).await, planned);
}

pub(crate) async fn released_jobs_are_reported_and_wake_schedulers(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(every_time("s").build()).await;

    let fired = a.fire(at(10)).await;

    let added = all::<JobAdded>(&fired.events);
    assert_eq!(added.iter().map(|event| event.job_id).collect::<Vec<_>>(), ids(&fired.jobs));
    assert!(added.iter().all(|event| event.schedule_id == Some(schedule_id("s"))));
    let jobs_at = all::<Wakeup>(&fired.events).iter().filter_map(|wakeup| wakeup.jobs_at).min();
    assert_eq!(jobs_at, Some(at(0)));
}

pub(crate) async fn a_released_schedule_can_be_acquired_at_its_next_fire_time(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_schedule(sample::schedule("s").build()).await;

    a.fire(at(1)).await;

    assert!(b.acquire_schedules(at(9), 10).await.is_empty());
    assert_eq!(b.acquire_schedules(at(10), 10).await.len(), 1);
}

pub(crate) async fn a_schedule_without_a_further_fire_time_is_finished(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").once_at(at(3)).build()).await;

    a.fire(at(5)).await;

    let schedule = a.schedule(&schedule_id("s")).await;
    assert_eq!((schedule.state, schedule.next_fire_time), (ScheduleState::Finished, None));
    assert_eq!((schedule.last_fire_time, schedule.fires), (Some(at(3)), 1));
}

pub(crate) async fn a_release_without_jobs_advances_the_schedule(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").build()).await;
    a.fire(at(0)).await;
    let acquired = a.acquire_schedule(at(10)).await;
    let advance = ScheduleAdvance::To { next_fire_time: Some(at(40)), cut_off: None };
    let release = ScheduleRelease { jobs: Vec::new(), advance, ..a.plan(&acquired, at(10)) };

    a.release_schedules(vec![release], at(10)).await;

    let schedule = a.schedule(&schedule_id("s")).await;
    assert_eq!((schedule.last_fire_time, schedule.next_fire_time), (Some(at(0)), Some(at(40))));
    assert_eq!((schedule.fires, schedule.lease), (1, None));
}

pub(crate) async fn fire_times_that_were_cut_off_are_reported(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(every_time("s").settings(|settings| settings.max_catch_up = 2).build()).await;

    let fired = a.fire(at(45)).await;

    assert_eq!(fired.jobs.len(), 2);
    let cut_off = only::<FireTimesCutOff>(&fired.events);
    assert_eq!((cut_off.schedule_id.as_str(), cut_off.first, cut_off.last), ("s", at(20), at(40)));
    assert_eq!(a.schedule(&schedule_id("s")).await.next_fire_time, Some(at(50)));
}

pub(crate) async fn a_quarantine_keeps_the_fire_time_and_says_why(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").build()).await;
    let mut release = a.plan(&a.acquire_schedule(at(0)).await, at(0));
    release.jobs.clear();
    release.advance = ScheduleAdvance::Quarantine("the calendar is gone".into());

    let released = a.release_schedules(vec![release], at(0)).await;

    let schedule = a.schedule(&schedule_id("s")).await;
    assert_eq!(schedule.state, ScheduleState::Quarantined("the calendar is gone".into()));
    assert_eq!((schedule.next_fire_time, schedule.fires, schedule.lease), (Some(at(0)), 0, None));
    let reported = only::<ScheduleQuarantined>(&released.events);
    assert_eq!((reported.schedule_id.as_str(), reported.reason.as_str()), ("s", "the calendar is gone"));
    assert!(a.acquire_schedules(at(1000), 10).await.is_empty());
}

pub(crate) async fn a_reason_of_any_characters_hinders_nobody(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    for id in ["fine", "strange"] {
        a.add_schedule(sample::schedule(id).once_at(at(0)).build()).await;
    }
    let acquired = a.acquire_schedules(at(0), 9).await;
    let mut releases: Vec<_> = acquired.iter().map(|acquired| a.plan(acquired, at(0))).collect();
    let strange = releases.iter_mut().find(|release| release.schedule_id.as_str() == "strange");
    let reason = "before\u{0}after, \u{1F319}, \u{202e}";
    strange.expect("both are due").advance = ScheduleAdvance::Quarantine(reason.into());

    let released = a.release_schedules(releases, at(0)).await;

    assert_eq!(released.lost, []);
    assert_eq!(a.schedule(&schedule_id("fine")).await.fires, 1);
    let ScheduleState::Quarantined(kept) = a.schedule(&schedule_id("strange")).await.state else {
        panic!("it is put aside")
    };
    assert!(kept.starts_with("before") && kept.ends_with("after, \u{1F319}, \u{202e}"), "{kept:?}");
}

pub(crate) async fn a_scheduler_that_lost_its_claim_writes_nothing(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_schedule(sample::schedule("s").build()).await;
    let slow = a.plan(&a.acquire_schedule(at(0)).await, at(0));
    let quick = b.acquire_schedule(at(30)).await;

    let released = a.release_schedules(vec![slow], at(31)).await;

    assert_eq!(released.lost, [schedule_id("s")]);
    assert!(released.events.is_empty(), "{:?}", released.events);
    assert!(a.job_ids().await.is_empty());
    assert_same_schedule(&a.schedule(&schedule_id("s")).await, &quick.schedule);
}

pub(crate) async fn a_token_alone_does_not_release_a_schedule(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_schedule(sample::schedule("s").build()).await;
    let plan = a.plan(&a.acquire_schedule(at(0)).await, at(0));

    let released = b.release_schedules(vec![plan.clone()], at(0)).await;
    let of_another_run = a.restarted(harness).await.release_schedules(vec![plan], at(0)).await;

    assert_eq!((released.lost, of_another_run.lost), (vec![schedule_id("s")], vec![schedule_id("s")]));
    assert!(a.job_ids().await.is_empty());
}

pub(crate) async fn an_expired_lease_on_a_schedule_that_nobody_took_still_holds(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").build()).await;
    let plan = a.plan(&a.acquire_schedule(at(0)).await, at(0));

    let released = a.release_schedules(vec![plan], at(100)).await;

    assert_eq!(released.lost, []);
    assert_eq!(a.job_ids().await.len(), 1);
}

pub(crate) async fn a_repeated_release_of_a_schedule_is_lost_and_adds_nothing(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").overlap(Overlap::Queue).build()).await;
    let plan = a.plan(&a.acquire_schedule(at(0)).await, at(0));

    let first = a.release_schedules(vec![plan.clone()], at(0)).await;
    let second = a.release_schedules(vec![plan.clone()], at(0)).await;

    assert_eq!((first.lost, second.lost), (vec![], vec![schedule_id("s")]));
    assert_eq!(a.job_ids().await, ids(&plan.jobs));
    assert_eq!(a.schedule(&schedule_id("s")).await.fires, 1);
}

pub(crate) async fn a_lost_release_of_a_schedule_does_not_hinder_the_others(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    for id in ["first", "lost", "last"] {
        a.add_schedule(sample::schedule(id).build()).await;
    }
    let acquired = a.acquire_schedules(at(0), 10).await;
    a.edit(&schedule_id("lost"), apsched_core::schedule::ScheduleEdit::default(), at(0)).await;

    let released = a.release_schedules(acquired.iter().map(|it| a.plan(it, at(0))).collect(), at(0)).await;

    assert_eq!(released.lost, [schedule_id("lost")]);
    assert_eq!(a.job_ids().await.len(), 2);
    for (id, next) in [("first", at(10)), ("lost", at(0)), ("last", at(10))] {
        assert_eq!(a.schedule(&schedule_id(id)).await.next_fire_time, Some(next), "{id}");
    }
}

/// Jobs that were inserted before the schedule advanced would run twice after a crash in between.
pub(crate) async fn a_fire_time_whose_scheduler_vanished_becomes_one_job(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_schedule(every_time("s").build()).await;
    let vanished = a.plan(&a.acquire_schedule(at(0)).await, at(0));

    b.fire(at(30)).await;
    let late = a.release_schedules(vec![vanished], at(31)).await;

    assert_eq!(late.lost, [schedule_id("s")]);
    let mut fire_times: Vec<_> =
        b.jobs(&Default::default()).await.iter().filter_map(|job| job.fire_time).collect();
    fire_times.sort();
    assert_eq!(fire_times, [at(0), at(10), at(20), at(30)]);
}

pub(crate) async fn each_fire_time_becomes_one_job_however_many_schedulers_race(harness: &dyn StoreHarness) {
    const ROUNDS: i64 = 40;
    let schedulers = [Process::start(harness, "a").await, Process::start(harness, "b").await];
    let schedule = every_time("s").overlap(Overlap::Queue).build();
    schedulers[0].add_schedule(schedule.clone()).await;

    let races = schedulers.clone().map(|scheduler| {
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let now = at(round * 10);
                let acquired = scheduler.acquire_schedules(now, 10).await;
                tokio::task::yield_now().await;
                // One that is rounds behind may have lost its lease by now: then the other makes the jobs.
                scheduler
                    .release_schedules(acquired.iter().map(|it| scheduler.plan(it, now)).collect(), now)
                    .await;
            }
        })
    });
    for race in races {
        race.await.expect("the schedulers fire until the end");
    }

    let mut fire_times: Vec<_> = fire_times(&schedulers[0].jobs(&Default::default()).await);
    fire_times.sort();
    assert_eq!(fire_times, expected_fire_times(&schedule, ROUNDS));
}

fn fire_times(jobs: &[Job]) -> Vec<chrono::DateTime<chrono::Utc>> {
    jobs.iter().filter_map(|job| job.fire_time).collect()
}

fn expected_fire_times(schedule: &Schedule, rounds: i64) -> Vec<chrono::DateTime<chrono::Utc>> {
    let trigger: &dyn Trigger = &schedule.trigger;
    let all: Result<_, _> = trigger.between(at(0), at((rounds - 1) * 10)).collect();
    all.expect("the trigger works")
}
