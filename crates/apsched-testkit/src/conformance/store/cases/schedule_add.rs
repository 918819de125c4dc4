//! `add_schedule`: a schedule is kept as it was given; what happens when its id is taken is the user's choice.

use std::time::Duration;

use apsched_core::event::{JobAdded, ScheduleAdded, ScheduleUpdated, Wakeup};
use apsched_core::schedule::{PauseEdit, ScheduleEdit, ScheduleState};
use apsched_core::task::Setting;
use apsched_core::trigger::TriggerExt;
use apsched_core::{Coalesce, ConflictPolicy, Metadata, Overlap, Retry, Schedule, StoreError};
use serde_json::json;

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::{all, assert_same_schedule, news, only};
use crate::conformance::store::process::Process;
use crate::sample::{self, ScheduleSample, at, at_micros, executor, schedule_id, seconds};

/// Fired once, at 0; fires again at 10.
async fn fired_once(process: &Process) -> Schedule {
    let schedule = sample::schedule("s").payload(1_u8).build();
    process.add_schedule(schedule.clone()).await;
    process.fire(at(0)).await;
    process.schedule(&schedule.id).await
}

fn later() -> ScheduleSample {
    sample::schedule("s").payload(1_u8).added_at(at(7))
}

pub(crate) async fn a_schedule_reads_back_as_it_was_added(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let full = sample::schedule("nightly: ünïcode ☾").task("mail").payload(("Ada".to_owned(), 36_u8));
    let full = full.first_at(at_micros(1_234_567)).settings(|settings| {
        settings.run.job_executor = Setting::Set(executor("threadpool"));
        settings.run.retry = Setting::Set(Retry::exponential(5));
        settings.run.timeout = Setting::Set(None);
        settings.run.priority = Setting::Set(i32::MAX);
        settings.run.metadata = Metadata::try_from(json!({"a": {"b": [1, null]}})).expect("an object");
        settings.misfire_grace_time = Setting::Set(Some(Duration::ZERO));
        settings.coalesce = Coalesce::All;
        settings.overlap = Some(Overlap::Replace);
        settings.max_jitter = Duration::from_micros(1_000_001);
        settings.max_fires = Some(i64::MAX.unsigned_abs());
        settings.max_catch_up = u32::MAX;
        settings.result_expiration_time = seconds(1);
    });
    let full = full.added_at(at_micros(-1)).build();
    let plain = sample::schedule("plain").build();

    a.add_schedule(full.clone()).await;
    a.add_schedule(plain.clone()).await;

    let b = Process::start(harness, "b").await;
    for added in [full, plain] {
        let expected = Schedule { payload: b.stored(added.payload.clone()), ..added.clone() };
        assert_same_schedule(&b.schedule(&added.id).await, &expected);
    }
}

pub(crate) async fn a_trigger_of_every_kind_reads_back(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    for (index, trigger) in sample::triggers().into_iter().enumerate() {
        let added = sample::schedule(&format!("s{index}")).trigger(trigger).build();

        a.add_schedule(added.clone()).await;

        let read = b.schedule(&added.id).await;
        assert_eq!((&read.trigger, read.next_fire_time), (&added.trigger, added.next_fire_time));
        assert_eq!(
            read.trigger.preview_after(at(0), 5),
            added.trigger.preview_after(at(0), 5),
            "{}",
            read.trigger
        );
    }
}

pub(crate) async fn ids_that_differ_by_case_or_a_space_are_different(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let longest = "ü".repeat(127);
    let ids = ["report", "Report", "report ", "répórt", "re_ort", "re%ort", "report'", "report\\", &longest];

    for id in ids {
        a.add_schedule(sample::schedule(id).payload(id.to_owned()).build()).await;
    }

    for id in ids {
        let payload = a.schedule(&schedule_id(id)).await.payload;
        assert_eq!(payload.into_value::<String>(a.serializers()).as_deref().ok(), Some(id));
    }
}

pub(crate) async fn a_fire_time_in_a_distant_year_is_kept(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let distant = "9999-12-31T23:59:59.999999Z".parse().expect("an instant");
    let ancient = "1900-01-01T00:00:00.000001Z".parse().expect("an instant");

    for (id, fire_time) in [("distant", distant), ("ancient", ancient)] {
        a.add_schedule(sample::schedule(id).once_at(fire_time).build()).await;
    }

    assert_eq!(a.schedule(&schedule_id("distant")).await.next_fire_time, Some(distant));
    assert_eq!(a.schedule(&schedule_id("ancient")).await.next_fire_time, Some(ancient));
    assert_eq!(a.acquire_schedule(at(0)).await.schedule.id.as_str(), "ancient");
}

pub(crate) async fn adding_a_schedule_tells_its_next_fire_time(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;

    let events = a.add_schedule(sample::schedule("s").first_at(at(42)).build()).await;

    let added = only::<ScheduleAdded>(&events);
    assert_eq!((added.schedule_id.as_str(), added.task_id.as_str()), ("s", "send"));
    assert_eq!(added.next_fire_time, Some(at(42)));
    assert_eq!(only::<Wakeup>(&events).schedules_at, Some(at(42)));
    assert_eq!(all::<JobAdded>(&events), []);
}

pub(crate) async fn an_id_that_is_taken_is_refused(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let existing = fired_once(&a).await;

    let answer = a.try_add_schedule(later().every(seconds(60)).build(), ConflictPolicy::Error).await;

    assert!(
        matches!(&answer, Err(StoreError::ScheduleExists { schedule_id }) if *schedule_id == existing.id),
        "{answer:?}"
    );
    assert_same_schedule(&a.schedule(&existing.id).await, &existing);
}

pub(crate) async fn of_two_who_add_a_schedule_at_once_one_does_and_the_policy_tells_the_other(
    harness: &dyn StoreHarness,
) {
    const ROUNDS: usize = 10;
    let processes = [Process::start(harness, "a").await, Process::start(harness, "b").await];
    let policies =
        [ConflictPolicy::Error, ConflictPolicy::DoNothing, ConflictPolicy::Replace, ConflictPolicy::Update];
    for (round, policy) in (0..ROUNDS).flat_map(|round| policies.map(|policy| (round, policy))) {
        let id = format!("{policy:?} {round}");

        // Each with a definition of its own: a store that tries again knows by it which one is its own.
        let mut payload = 0_u8;
        let races = processes.clone().map(|process| {
            payload += 1;
            let added = sample::schedule(&id).payload(payload).build();
            tokio::spawn(async move { process.try_add_schedule(added, policy).await })
        });
        let (mut events, mut refused) = (Vec::new(), 0);
        for race in races {
            match race.await.expect("nobody panics") {
                Ok(caused) => events.extend(caused),
                Err(StoreError::ScheduleExists { .. }) if policy == ConflictPolicy::Error => refused += 1,
                Err(error) => panic!("{policy:?}: {error:?}"),
            }
        }

        assert_eq!(only::<ScheduleAdded>(&events).schedule_id.as_str(), id, "{policy:?}");
        assert_eq!(refused, usize::from(policy == ConflictPolicy::Error), "{policy:?}");
    }
}

pub(crate) async fn do_nothing_leaves_the_existing_schedule(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let existing = fired_once(&a).await;

    let events = a.put_schedule(later().every(seconds(60)).build(), ConflictPolicy::DoNothing).await;

    assert!(news(&events).is_empty(), "{events:?}");
    assert_same_schedule(&a.schedule(&existing.id).await, &existing);
}

pub(crate) async fn replacing_starts_anew(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let existing = fired_once(&a).await;

    let events =
        a.put_schedule(later().payload(2_u8).first_at(at(33)).build(), ConflictPolicy::Replace).await;

    let replaced = a.schedule(&existing.id).await;
    assert_eq!((replaced.fires, replaced.last_fire_time, replaced.created_at), (0, None, at(7)));
    assert_eq!(replaced.next_fire_time, Some(at(33)));
    assert_eq!(replaced.payload.into_value::<u8>(a.serializers()).ok(), Some(2));
    assert!(replaced.revision > existing.revision);
    assert_eq!(only::<Wakeup>(&events).schedules_at, Some(at(33)));
}

pub(crate) async fn updating_with_an_equal_definition_changes_nothing(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let existing = fired_once(&a).await;

    let events = a.put_schedule(later().build(), ConflictPolicy::Update).await;

    assert!(news(&events).is_empty(), "{events:?}");
    assert_same_schedule(&a.schedule(&existing.id).await, &existing);
}

pub(crate) async fn updating_settings_keeps_the_next_fire_time(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let existing = fired_once(&a).await;

    let events = a.put_schedule(later().overlap(Overlap::Queue).build(), ConflictPolicy::Update).await;

    let updated = a.schedule(&existing.id).await;
    assert_eq!((updated.next_fire_time, updated.fires), (existing.next_fire_time, 1));
    assert_eq!(updated.settings.overlap, Some(Overlap::Queue));
    assert_eq!(only::<ScheduleUpdated>(&events).schedule_id, existing.id);
}

pub(crate) async fn updating_the_trigger_plans_anew(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let existing = fired_once(&a).await;

    a.put_schedule(later().first_at(at(33)).build(), ConflictPolicy::Update).await;

    let updated = a.schedule(&existing.id).await;
    assert_eq!((updated.next_fire_time, updated.fires, updated.created_at), (Some(at(33)), 1, at(0)));
}

pub(crate) async fn a_paused_schedule_stays_paused_when_it_is_updated(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let existing = fired_once(&a).await;
    let pause = ScheduleEdit { pause: Some(PauseEdit::Pause), ..ScheduleEdit::default() };
    a.edit(&existing.id, pause, at(5)).await;

    a.put_schedule(later().every(seconds(60)).build(), ConflictPolicy::Update).await;

    assert_eq!(a.schedule(&existing.id).await.state, ScheduleState::Paused);
    assert!(a.acquire_schedules(at(100), 10).await.is_empty());
}

pub(crate) async fn overwriting_a_schedule_voids_the_claim_in_flight(harness: &dyn StoreHarness) {
    for policy in [ConflictPolicy::Replace, ConflictPolicy::Update] {
        let a = Process::start(harness, "a").await;
        let id = format!("{policy:?}");
        a.add_schedule(sample::schedule(&id).build()).await;
        let plan = a.plan(&a.acquire_schedule(at(0)).await, at(0));

        let changed = sample::schedule(&id).payload(2_u8).first_at(at(500)).added_at(at(1)).build();
        a.put_schedule(changed, policy).await;
        let released = a.release_schedules(vec![plan], at(1)).await;

        assert_eq!(released.lost, [schedule_id(&id)], "{policy:?}");
        assert!(a.job_ids().await.is_empty(), "{policy:?}: no job is made of the old definition");
        assert_eq!(a.schedule(&schedule_id(&id)).await.next_fire_time, Some(at(500)));
    }
}
