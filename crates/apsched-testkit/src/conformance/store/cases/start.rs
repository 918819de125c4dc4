//! `start`, `server_time`: a store is made ready once, by as many processes as like to.

use apsched_core::trigger::Trigger;
use futures_util::future::join_all;

use crate::conformance::Support;
use crate::conformance::store::StoreHarness;
use crate::conformance::store::custom_trigger::{Twice, registry};
use crate::conformance::store::process::{Process, done};
use crate::sample::{self, at};

pub(crate) async fn starting_again_changes_nothing(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;
    a.put_task(sample::task("send")).await;
    let schedule = sample::schedule("s").build();
    a.add_schedule(schedule.clone()).await;
    let job = a.add_job(sample::job().build()).await;

    done("start", a.store().start(&registry()).await);
    let b = Process::without_tasks(harness, "b").await;

    assert_eq!(done("tasks", b.store().tasks().await).len(), 1);
    assert!(b.has_schedule(&schedule.id).await);
    assert_eq!(b.job_ids().await, [job]);
}

pub(crate) async fn many_processes_may_start_at_once(harness: &dyn StoreHarness) {
    let registry = registry();
    let stores = join_all((0..8).map(|_| harness.open())).await;

    let started = join_all(stores.iter().map(|store| store.start(&registry))).await;

    for start in started {
        done("start", start);
    }
    for store in stores {
        done("put_tasks", store.put_tasks(vec![sample::task("send")]).await);
        assert_eq!(done("tasks", store.tasks().await).len(), 1);
    }
}

pub(crate) async fn a_custom_trigger_is_bound_when_it_is_read(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;
    let schedule = sample::schedule("s").trigger(Twice { first: at(10) }).build();
    a.add_schedule(schedule.clone()).await;
    let b = Process::without_tasks(harness, "b").await;

    let listed = b.schedule(&schedule.id).await;
    let acquired = b.acquire_schedule(at(10)).await.schedule;

    for read in [listed, acquired] {
        assert_eq!(read.next_fire_time, Some(at(10)));
        assert_eq!(read.trigger.next_after(at(10)), Ok(Some(at(70))));
    }
}

pub(crate) async fn a_store_with_a_server_tells_its_time(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;
    let b = Process::without_tasks(harness, "b").await;

    let first = done("server_time", a.store().server_time().await);
    let second = done("server_time", b.store().server_time().await);

    let is_told = harness.capabilities().server_time == Support::Yes;
    assert_eq!((first.is_some(), second.is_some()), (is_told, is_told));
    assert!(first <= second, "every process is told the time of one clock: {first:?}, then {second:?}");
}
