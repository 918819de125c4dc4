//! `put_tasks`, `remove_task`, `tasks`, `task`: what a task says about its jobs, for all processes.

use apsched_core::event::{TaskAdded, TaskRemoved, TaskUpdated, Wakeup};
use apsched_core::task::TaskDefinition;
use apsched_core::{Backoff, Metadata, Retry};
use serde_json::json;

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::{news, only};
use crate::conformance::store::process::{Process, done};
use crate::sample::{self, executor, seconds, task_id};

pub(crate) async fn a_new_task_is_added(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;

    let events = a.put_task(sample::task("send")).await;

    assert_eq!(only::<TaskAdded>(&events).task_id, task_id("send"));
    assert_eq!(done("task", a.store().task(&task_id("send")).await), Some(sample::task("send")));
}

pub(crate) async fn a_known_task_gets_the_new_settings(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;
    let b = Process::without_tasks(harness, "b").await;
    a.put_task(sample::task("send")).await;
    let changed = TaskDefinition { max_running_jobs: Some(3), ..sample::task("send") };

    let events = b.put_task(changed.clone()).await;

    assert_eq!(only::<TaskUpdated>(&events).task_id, task_id("send"));
    assert_eq!(done("task", a.store().task(&task_id("send")).await), Some(changed));
}

/// A higher limit lets jobs start that wait; without a hint they would wait for the next poll.
pub(crate) async fn a_change_of_settings_is_followed_by_a_wakeup(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;
    a.put_task(sample::task("send")).await;

    let events = a.put_task(TaskDefinition { max_running_jobs: Some(9), ..sample::task("send") }).await;

    let wakeup = only::<Wakeup>(&events);
    assert!(wakeup.jobs_at.is_some_and(|at| at <= sample::at(0)), "{wakeup:?}");
}

pub(crate) async fn equal_settings_cause_no_event(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;
    let task = TaskDefinition { max_running_jobs: Some(3), ..sample::task("send") };
    a.put_task(task.clone()).await;

    let events = a.put_task(task).await;

    assert_eq!(news(&events), Vec::<&apsched_core::Event>::new());
}

pub(crate) async fn every_setting_of_a_task_reads_back(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;
    let metadata = json!({"team": "crm", "größe": [1, 2.5, null, true, "x"], "nested": {"n": -9_007_199_254_740_993_i64}});
    let backoff = Backoff { initial: seconds(2), factor: 1.5, max: seconds(7), jitter: 0.25 };
    let full = TaskDefinition {
        job_executor: executor("threadpool"),
        max_running_jobs: Some(u32::MAX),
        misfire_grace_time: Some(std::time::Duration::from_micros(1_500_001)),
        retry: Retry { max_attempts: 7, backoff },
        timeout: Some(seconds(3600)),
        priority: i32::MIN,
        metadata: Metadata::try_from(metadata).expect("an object"),
        ..sample::task("full")
    };

    a.put_task(full.clone()).await;

    assert_eq!(done("task", a.store().task(&full.id).await), Some(full));
}

pub(crate) async fn zero_and_none_are_told_apart(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;
    let none = TaskDefinition {
        max_running_jobs: None,
        misfire_grace_time: None,
        timeout: None,
        ..sample::task("none")
    };
    let zero = TaskDefinition {
        max_running_jobs: Some(0),
        misfire_grace_time: Some(seconds(0)),
        timeout: Some(seconds(0)),
        ..sample::task("zero")
    };

    done("put_tasks", a.store().put_tasks(vec![zero.clone(), none.clone()]).await);

    assert_eq!(done("tasks", a.store().tasks().await), [none, zero]);
}

pub(crate) async fn tasks_are_listed_by_id(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;
    let tasks = ["send", "a/b", "Send", "hash", "ärger"].map(sample::task);

    done("put_tasks", a.store().put_tasks(tasks.to_vec()).await);

    let listed = done("tasks", a.store().tasks().await);
    let listed: Vec<_> = listed.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(listed, ["Send", "a/b", "hash", "send", "ärger"]);
}

pub(crate) async fn a_removed_task_is_gone_and_its_schedules_and_jobs_stay(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;
    a.put_task(sample::task("send")).await;
    let schedule = sample::schedule("s").build();
    a.add_schedule(schedule.clone()).await;
    let job = a.add_job(sample::job().build()).await;

    let events = done("remove_task", a.store().remove_task(&task_id("send")).await);

    assert_eq!(only::<TaskRemoved>(&events).task_id, task_id("send"));
    assert_eq!(done("task", a.store().task(&task_id("send")).await), None);
    assert!(a.has_schedule(&schedule.id).await);
    assert_eq!(a.job_ids().await, [job]);
}

pub(crate) async fn removing_an_unknown_task_causes_nothing(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;

    let events = done("remove_task", a.store().remove_task(&task_id("send")).await);

    assert_eq!(events, []);
}
