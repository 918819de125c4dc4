//! `cleanup`: removes what nobody needs any more, and nothing else.

use apsched_core::JobOutcome;
use apsched_core::event::ScheduleRemoved;
use apsched_core::schedule::{PauseEdit, ScheduleAdvance, ScheduleEdit};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::{all, only};
use crate::conformance::store::process::Process;
use crate::sample::{self, at, schedule_id, seconds};

pub(crate) async fn expired_results_are_removed_and_others_stay(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let mut ended = Vec::new();
    for kept in [5, 10, 20] {
        a.add_job(sample::job().keep_result(seconds(kept)).build()).await;
        let job = a.acquire_job(at(0)).await;
        a.finish(&job, JobOutcome::Success, at(0)).await;
        ended.push(job.id);
    }

    a.cleanup(at(10)).await;

    let mut left = Vec::new();
    for id in ended {
        left.push(a.outcome(id).await.is_some());
    }
    assert_eq!(left, [false, false, true]);
}

pub(crate) async fn a_finished_schedule_without_jobs_is_removed(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").once_at(at(0)).build()).await;
    a.fire(at(0)).await;

    let while_queued = a.cleanup(at(1)).await;
    let job = a.acquire_job(at(1)).await;
    let while_running = a.cleanup(at(2)).await;
    a.finish(&job, JobOutcome::Success, at(3)).await;
    let afterwards = a.cleanup(at(4)).await;

    assert_eq!(all::<ScheduleRemoved>(&while_queued), []);
    assert_eq!(all::<ScheduleRemoved>(&while_running), []);
    assert_eq!(only::<ScheduleRemoved>(&afterwards).schedule_id, schedule_id("s"));
    assert!(!a.has_schedule(&schedule_id("s")).await);
    assert_eq!(a.outcome(job.id).await, Some(JobOutcome::Success), "its results outlive it");
}

pub(crate) async fn schedules_that_are_not_finished_stay(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("quarantined").build()).await;
    let mut release = a.plan(&a.acquire_schedule(at(0)).await, at(0));
    release.jobs.clear();
    release.advance = ScheduleAdvance::Quarantine("unreadable".into());
    a.release_schedules(vec![release], at(0)).await;
    for id in ["active", "paused"] {
        a.add_schedule(sample::schedule(id).build()).await;
    }
    let pause = ScheduleEdit { pause: Some(PauseEdit::Pause), ..ScheduleEdit::default() };
    a.edit(&schedule_id("paused"), pause, at(0)).await;

    let events = a.cleanup(at(1_000_000)).await;

    assert_eq!(events, []);
    for id in ["quarantined", "active", "paused"] {
        assert!(a.has_schedule(&schedule_id(id)).await, "{id}");
    }
}

pub(crate) async fn queued_and_running_jobs_stay_however_old(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let running = a.add_job(sample::job().keep_result(seconds(0)).build()).await;
    a.acquire_job(at(0)).await;
    let queued = a.add_job(sample::job().start_deadline(at(1)).build()).await;

    a.cleanup(at(1_000_000)).await;

    assert_eq!(a.job_ids().await, [running, queued]);
}

pub(crate) async fn cleaning_again_changes_nothing(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").settings(|settings| settings.max_fires = Some(0)).build()).await;
    a.cleanup(at(1)).await;

    assert_eq!(a.cleanup(at(1)).await, []);
}
