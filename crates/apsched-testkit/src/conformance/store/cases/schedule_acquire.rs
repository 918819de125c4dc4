//! `acquire_schedules`: who gets which schedule, in which order, and for how long.

use std::collections::BTreeSet;

use apsched_core::lease::Lease;
use apsched_core::schedule::{PauseEdit, ScheduleAdvance, ScheduleEdit};
use apsched_core::task::TaskDefinition;
use apsched_core::trigger::{AnyTrigger, DateTrigger, OrTrigger, Trigger, TriggerRegistry};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::custom_trigger::{Failing, Twice};
use crate::conformance::store::observed::schedule_ids;
use crate::conformance::store::process::Process;
use crate::sample::{self, at, at_micros, just_before, schedule_id};

pub(crate) async fn a_due_schedule_is_leased_to_who_acquires_it(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").payload("text".to_owned()).build()).await;

    let acquired = a.acquire_schedule(at(3)).await.schedule;

    let lease = Lease { holder: a.id().clone(), token: acquired.token, until: at(33) };
    assert_eq!(acquired.lease.as_deref(), Some(&lease));
    assert_eq!(acquired.next_fire_time, Some(at(0)));
    assert_eq!(acquired.payload.into_value::<String>(a.serializers()).as_deref().ok(), Some("text"));
    assert_eq!(a.schedule(&schedule_id("s")).await.lease.as_deref(), Some(&lease));
}

pub(crate) async fn a_schedule_is_due_at_its_fire_time_and_not_before(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let fire_time = at_micros(7_000_001);
    a.add_schedule(sample::schedule("s").once_at(fire_time).build()).await;

    let before = a.acquire_schedules(just_before(fire_time), 10).await;
    let then = a.acquire_schedules(fire_time, 10).await;

    assert_eq!((before.len(), then.len()), (0, 1));
}

pub(crate) async fn only_active_schedules_are_acquired(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    for id in ["paused", "quarantined"] {
        a.add_schedule(sample::schedule(id).build()).await;
    }
    let mut release = {
        let acquired = a.acquire_schedules(at(0), 10).await;
        let quarantined = acquired.iter().find(|it| it.schedule.id.as_str() == "quarantined");
        a.plan(quarantined.expect("both are due"), at(0))
    };
    release.jobs.clear();
    release.advance = ScheduleAdvance::Quarantine("unreadable".into());
    a.release_schedules(vec![release], at(0)).await;
    let pause = ScheduleEdit { pause: Some(PauseEdit::Pause), ..ScheduleEdit::default() };
    a.edit(&schedule_id("paused"), pause, at(1)).await;
    a.add_schedule(sample::schedule("finished").settings(|settings| settings.max_fires = Some(0)).build())
        .await;
    a.add_schedule(sample::schedule("active").build()).await;

    let acquired = a.acquire_schedules(at(100), 10).await;

    assert_eq!(schedule_ids(&acquired), ["active"]);
}

pub(crate) async fn a_leased_schedule_is_not_given_out_again(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_schedule(sample::schedule("s").build()).await;
    a.acquire_schedule(at(0)).await;

    let to_itself = a.acquire_schedules(at(1), 10).await;
    let to_another = b.acquire_schedules(just_before(at(30)), 10).await;

    assert!(to_itself.is_empty() && to_another.is_empty());
}

pub(crate) async fn expired_lease_on_a_schedule_can_be_taken_by_another_scheduler(
    harness: &dyn StoreHarness,
) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_schedule(sample::schedule("s").build()).await;
    let lost = a.acquire_schedule(at(0)).await.schedule;

    let taken = b.acquire_schedule(at(30)).await.schedule;

    assert_eq!(taken.lease.map(|lease| (lease.holder, lease.until)), Some((b.id().clone(), at(60))));
    assert!(taken.token > lost.token);
    assert_eq!(taken.next_fire_time, Some(at(0)), "the fire time is not lost");
}

pub(crate) async fn the_token_of_a_schedule_grows_with_every_claim(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    a.add_schedule(sample::schedule("s").build()).await;

    let mut last = None;
    for round in 0..5 {
        let now = at(round * 10);
        let acquired = a.acquire_schedule(now).await;
        assert_eq!(acquired.schedule.lease.as_ref().map(|lease| lease.token), Some(acquired.schedule.token));
        assert!(Some(acquired.schedule.token) > last, "{:?} after {last:?}", acquired.schedule.token);
        last = Some(acquired.schedule.token);
        a.release_schedules(vec![a.plan(&acquired, now)], now).await;
    }
}

pub(crate) async fn the_earliest_fire_time_comes_first_then_the_smaller_id(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    for (id, first) in [("late", 3), ("b", 2), ("a", 2), ("early", 1), ("B", 2)] {
        a.add_schedule(sample::schedule(id).first_at(at(first)).build()).await;
    }

    let acquired = a.acquire_schedules(at(5), 10).await;

    assert_eq!(schedule_ids(&acquired), ["early", "B", "a", "b", "late"]);
}

/// A schedule does not lose its place in the row because whoever held it vanished.
pub(crate) async fn a_schedule_whose_lease_expired_keeps_its_place(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.add_schedule(sample::schedule("dropped").first_at(at(1)).build()).await;
    a.acquire_schedule(at(1)).await;
    for (id, first) in [("second", 2), ("third", 3)] {
        a.add_schedule(sample::schedule(id).first_at(at(first)).build()).await;
    }

    let first = b.acquire_schedules(at(100), 1).await;
    let rest = b.acquire_schedules(at(100), 10).await;

    assert_eq!(schedule_ids(&first), ["dropped"]);
    assert_eq!(schedule_ids(&rest), ["second", "third"]);
}

pub(crate) async fn at_most_the_limit_of_schedules_is_acquired(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    for (id, first) in [("c", 3), ("b", 2), ("a", 1)] {
        a.add_schedule(sample::schedule(id).first_at(at(first)).build()).await;
    }

    let none = a.acquire_schedules(at(5), 0).await;
    let two = a.acquire_schedules(at(5), 2).await;
    let rest = a.acquire_schedules(at(5), 2).await;

    assert_eq!(schedule_ids(&none), Vec::<&str>::new());
    assert_eq!(schedule_ids(&two), ["a", "b"]);
    assert_eq!(schedule_ids(&rest), ["c"]);
}

/// LIMIT applied before the condition would find the schedules that are leased or paused, and nothing else.
pub(crate) async fn schedules_that_may_not_be_taken_do_not_use_up_the_limit(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    for id in ["leased", "paused"] {
        a.add_schedule(sample::schedule(id).build()).await;
    }
    let pause = ScheduleEdit { pause: Some(PauseEdit::Pause), ..ScheduleEdit::default() };
    a.edit(&schedule_id("paused"), pause, at(0)).await;
    a.acquire_schedule(at(0)).await;
    a.add_schedule(sample::schedule("free").first_at(at(1)).build()).await;

    let acquired = b.acquire_schedules(at(2), 1).await;

    assert_eq!(schedule_ids(&acquired), ["free"]);
}

pub(crate) async fn a_schedule_comes_with_its_task_as_it_is_now(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    a.limit("send", Some(1)).await;
    a.add_schedule(sample::schedule("s").build()).await;
    let changed = TaskDefinition { priority: 9, ..sample::task("send") };
    b.put_task(changed.clone()).await;

    let acquired = a.acquire_schedule(at(0)).await;

    assert_eq!(acquired.task.as_deref(), Some(&changed));
}

pub(crate) async fn a_schedule_of_an_undeclared_task_comes_without_one(harness: &dyn StoreHarness) {
    let a = Process::without_tasks(harness, "a").await;
    a.put_task(sample::task("hash")).await;
    a.add_schedule(sample::schedule("s").task("send").build()).await;

    assert_eq!(a.acquire_schedule(at(0)).await.task, None);
}

pub(crate) async fn a_trigger_that_fails_does_not_hide_other_schedules(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let broken = sample::schedule("broken").build();
    let broken = apsched_core::Schedule { trigger: Failing.into(), ..broken };
    a.add_schedule(broken).await;
    a.add_schedule(sample::schedule("whole").first_at(at(1)).build()).await;

    let acquired = a.acquire_schedules(at(5), 10).await;

    assert!(schedule_ids(&acquired).contains(&"whole"), "{acquired:?}");
}

/// A process that has registered no custom trigger, and so knows at most those that its store keeps as live values.
async fn stranger(harness: &dyn StoreHarness) -> Process {
    Process::knowing_triggers(harness, "stranger", &TriggerRegistry::new()).await
}

pub(crate) async fn a_schedule_whose_trigger_is_not_registered_is_left_to_those_who_know_it(
    harness: &dyn StoreHarness,
) {
    let a = Process::start(harness, "a").await;
    let b = stranger(harness).await;
    let twice = || Twice { first: at(10) };
    let nested = OrTrigger::new([AnyTrigger::from(twice()), DateTrigger::at(at(90)).into()]);
    let nested = nested.expect("two parts");
    a.add_schedule(sample::schedule("custom").trigger(twice()).build()).await;
    a.add_schedule(sample::schedule("nested").trigger(nested).build()).await;

    let (taken, events) = b.acquire_schedules_with_events(at(10), 9).await;
    let promised = b.next_wakeup(at(10)).await.schedule;

    for taken in &taken {
        let next = taken.schedule.trigger.next_after(at(10));
        assert!(next.is_ok(), "who is given a schedule can plan it: {next:?}");
    }
    assert_eq!(events, [], "nothing is wrong with it");
    assert!(
        promised.is_none_or(|at| at > sample::at(10)),
        "what is not given out is not promised: {promised:?}"
    );
    let left = 2 - taken.len();
    assert_eq!(a.acquire_schedules(at(10), 9).await.len(), left, "those who know it find it as it was");
}

pub(crate) async fn schedules_that_are_left_to_others_do_not_use_up_the_limit(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = stranger(harness).await;
    for number in 0..5 {
        let custom = sample::schedule(&format!("custom {number}")).trigger(Twice { first: at(number) });
        a.add_schedule(custom.build()).await;
    }
    a.add_schedule(sample::schedule("known").once_at(at(9)).build()).await;

    let mut taken = Vec::new();
    for _ in 0..6 {
        taken.extend(b.acquire_schedules(at(10), 1).await);
    }

    let has_known = taken.iter().any(|taken| taken.schedule.id.as_str() == "known");
    assert!(has_known, "{taken:?}");
}

pub(crate) async fn two_schedulers_never_get_the_same_schedule(harness: &dyn StoreHarness) {
    const SCHEDULES: usize = 60;
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    for number in 0..SCHEDULES {
        a.add_schedule(sample::schedule(&format!("s{number:02}")).build()).await;
    }

    let take = |process: Process| {
        tokio::spawn(async move {
            let mut taken = Vec::new();
            loop {
                let batch = process.acquire_schedules(at(0), 7).await;
                if batch.is_empty() {
                    return taken;
                }
                taken.extend(batch.into_iter().map(|acquired| acquired.schedule.id));
            }
        })
    };
    let (by_a, by_b) = tokio::join!(take(a), take(b));

    let mut taken = by_a.expect("a takes schedules until there are none");
    taken.extend(by_b.expect("b takes schedules until there are none"));
    assert_eq!(taken.len(), SCHEDULES);
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), SCHEDULES, "each to one of them");
}
