//! `schedules`, `jobs`: what a user sees of the store, in a total order.

use apsched_core::event::EventInterest;
use apsched_core::schedule::{PauseEdit, ScheduleEdit};
use apsched_core::store::{JobFilter, ScheduleFilter};
use apsched_core::{JobState, Schedule};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::ids;
use crate::conformance::store::process::{Process, done};
use crate::sample::{self, at, schedule_id, task_id};

fn names(schedules: &[Schedule]) -> Vec<&str> {
    schedules.iter().map(|schedule| schedule.id.as_str()).collect()
}

pub(crate) async fn schedules_are_listed_by_fire_time_then_id(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("x-finished").settings(|settings| settings.max_fires = Some(0)).build())
        .await;
    a.add_schedule(sample::schedule("a-finished").settings(|settings| settings.max_fires = Some(0)).build())
        .await;
    for (id, first) in [("late", 9), ("b", 5), ("a", 5), ("early", 1)] {
        a.add_schedule(sample::schedule(id).first_at(at(first)).build()).await;
    }

    let listed = a.schedules(&ScheduleFilter::default()).await;

    assert_eq!(names(&listed), ["early", "a", "b", "late", "a-finished", "x-finished"]);
}

pub(crate) async fn schedules_are_filtered_by_every_condition(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    for (id, task) in [("s1", "send"), ("s2", "send"), ("s3", "send"), ("h1", "hash"), ("S", "Send")] {
        a.add_schedule(sample::schedule(id).task(task).build()).await;
    }
    for id in ["s2", "h1"] {
        let pause = ScheduleEdit { pause: Some(PauseEdit::Pause), ..ScheduleEdit::default() };
        a.edit(&schedule_id(id), pause, at(0)).await;
    }

    let filter =
        |task: Option<&str>, state, limit| ScheduleFilter { task_id: task.map(task_id), state, limit };
    for (filter, expected) in [
        (filter(Some("send"), None, None), &["s1", "s2", "s3"][..]),
        (filter(None, Some("paused"), None), &["h1", "s2"]),
        (filter(Some("send"), Some("active"), None), &["s1", "s3"]),
        (filter(Some("send"), Some("active"), Some(1)), &["s1"]),
        (filter(None, None, Some(0)), &[]),
        (filter(None, Some("quarantined"), None), &[]),
    ] {
        assert_eq!(names(&a.schedules(&filter).await), expected, "{filter:?}");
    }
}

pub(crate) async fn a_schedule_that_is_not_there_is_none(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;

    assert!(!a.has_schedule(&schedule_id("s")).await);
    assert!(a.schedules(&ScheduleFilter::default()).await.is_empty());
    assert!(a.jobs(&JobFilter::default()).await.is_empty());
}

pub(crate) async fn jobs_are_listed_by_id(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let jobs = [3, 1, 2].map(|priority| sample::job().priority(priority).run_at(at(priority.into())).build());
    let mut shuffled = jobs.to_vec();
    shuffled.rotate_left(1);

    done("add_jobs", a.store().add_jobs(shuffled, EventInterest::ALL).await);

    assert_eq!(a.job_ids().await, ids(&jobs));
}

pub(crate) async fn jobs_are_filtered_by_every_condition(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let direct = a.add_job(sample::job().build()).await;
    let of_s = a.add_job(sample::job().of_schedule("s").run_at(at(9)).build()).await;
    let other = a.add_job(sample::job().task("hash").of_schedule("s").run_at(at(9)).build()).await;
    let of_capital_s = a.add_job(sample::job().task("hash").of_schedule("S").run_at(at(9)).build()).await;
    a.acquire_job(at(0)).await;

    let filter = |task: Option<&str>, schedule: Option<&str>, state, limit| JobFilter {
        task_id: task.map(task_id),
        schedule_id: schedule.map(schedule_id),
        state,
        limit,
    };
    for (filter, expected) in [
        (filter(Some("send"), None, None, None), &[direct, of_s][..]),
        (filter(None, Some("s"), None, None), &[of_s, other]),
        (filter(Some("hash"), Some("s"), None, None), &[other]),
        (filter(None, None, Some(JobState::Running), None), &[direct]),
        (filter(None, None, Some(JobState::Queued), None), &[of_s, other, of_capital_s]),
        (filter(None, None, Some(JobState::Queued), Some(2)), &[of_s, other]),
        (filter(None, None, None, Some(0)), &[]),
    ] {
        assert_eq!(ids(&a.jobs(&filter).await), expected, "{filter:?}");
    }
}
