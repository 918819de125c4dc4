//! `edit_schedule`: the user's last write wins, also over a scheduler that is at work on the schedule.

use apsched_core::event::{ScheduleUpdated, Wakeup};
use apsched_core::schedule::{
    PauseEdit, ResumeFrom, ScheduleAdvance, ScheduleEdit, ScheduleState, SettingsEdit,
};
use apsched_core::{AnyTrigger, DateTrigger, Overlap, Payload, Schedule, StoreError};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::custom_trigger::{Failing, Twice};
use crate::conformance::store::observed::{assert_same_schedule, only};
use crate::conformance::store::process::Process;
use crate::sample::{self, at, schedule_id};

fn pause() -> ScheduleEdit {
    ScheduleEdit { pause: Some(PauseEdit::Pause), ..ScheduleEdit::default() }
}

fn unpause(from: ResumeFrom) -> ScheduleEdit {
    ScheduleEdit { pause: Some(PauseEdit::Unpause(from)), ..ScheduleEdit::default() }
}

fn trigger(trigger: impl Into<AnyTrigger>) -> ScheduleEdit {
    ScheduleEdit { trigger: Some(trigger.into()), ..ScheduleEdit::default() }
}

async fn added(process: &Process) -> Schedule {
    let schedule = sample::schedule("s").build();
    process.add_schedule(schedule.clone()).await;
    process.schedule(&schedule.id).await
}

pub(crate) async fn an_edit_changes_what_it_names_and_nothing_else(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let before = added(&a).await;
    let settings = SettingsEdit { overlap: Some(Overlap::Queue), ..SettingsEdit::default() };
    let edit = ScheduleEdit { payload: Some(Payload::live(7_u8)), settings, ..ScheduleEdit::default() };

    let events = a.edit(&before.id, edit.clone(), at(5)).await;

    let expected = edit.applied_to(&before, at(5)).expect("the trigger works");
    let expected = Schedule { payload: a.stored(expected.payload.clone()), ..expected };
    assert_same_schedule(&a.schedule(&before.id).await, &expected);
    assert_eq!(only::<ScheduleUpdated>(&events).next_fire_time, Some(at(0)));
}

pub(crate) async fn another_trigger_gives_another_next_fire_time(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let schedule = added(&a).await;

    let events = a.edit(&schedule.id, trigger(Twice { first: at(77) }), at(5)).await;

    let edited = Process::start(harness, "b").await.schedule(&schedule.id).await;
    assert_eq!(edited.next_fire_time, Some(at(77)));
    assert_eq!(only::<ScheduleUpdated>(&events).next_fire_time, Some(at(77)));
}

pub(crate) async fn an_edit_that_makes_a_schedule_due_earlier_wakes_schedulers(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let schedule = sample::schedule("s").first_at(at(1000)).build();
    a.add_schedule(schedule.clone()).await;

    let events = a.edit(&schedule.id, trigger(DateTrigger::at(at(20))), at(5)).await;

    assert_eq!(only::<Wakeup>(&events).schedules_at, Some(at(20)));
}

pub(crate) async fn editing_a_schedule_that_is_not_there_is_an_error(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;

    let answer = a.store().edit_schedule(&schedule_id("s"), pause(), at(5)).await;

    assert!(
        matches!(&answer, Err(StoreError::ScheduleNotFound { schedule_id }) if schedule_id.as_str() == "s"),
        "{answer:?}"
    );
}

pub(crate) async fn a_trigger_that_fails_leaves_the_schedule_as_it_was(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let before = added(&a).await;

    let answer = a.store().edit_schedule(&before.id, trigger(Failing), at(5)).await;

    assert!(
        matches!(&answer, Err(StoreError::Trigger { schedule_id, .. }) if *schedule_id == before.id),
        "{answer:?}"
    );
    assert_same_schedule(&a.schedule(&before.id).await, &before);
}

pub(crate) async fn a_paused_schedule_does_not_fire_and_goes_on_where_it_stood(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let schedule = added(&a).await;

    a.edit(&schedule.id, pause(), at(5)).await;
    let while_paused = a.acquire_schedules(at(1000), 10).await;
    a.edit(&schedule.id, unpause(ResumeFrom::WhereItStood), at(1000)).await;

    assert!(while_paused.is_empty());
    assert_eq!(a.acquire_schedule(at(1000)).await.schedule.next_fire_time, Some(at(0)));
}

pub(crate) async fn unpausing_from_now_passes_over_what_was_missed(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let schedule = added(&a).await;
    a.edit(&schedule.id, pause(), at(5)).await;

    a.edit(&schedule.id, unpause(ResumeFrom::Now), at(1001)).await;

    assert!(a.acquire_schedules(at(1009), 10).await.is_empty());
    assert_eq!(a.acquire_schedule(at(1010)).await.schedule.next_fire_time, Some(at(1010)));
}

pub(crate) async fn an_edit_voids_the_claim_in_flight(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let schedule = added(&a).await;
    let acquired = a.acquire_schedule(at(0)).await;

    a.edit(
        &schedule.id,
        ScheduleEdit { payload: Some(Payload::live(7_u8)), ..ScheduleEdit::default() },
        at(1),
    )
    .await;
    let released = a.release_schedules(vec![a.plan(&acquired, at(1))], at(1)).await;

    assert_eq!(released.lost, [schedule_id("s")]);
    assert!(a.job_ids().await.is_empty(), "no job is made of the old payload");
    let edited = a.schedule(&schedule.id).await;
    assert!(edited.revision > acquired.schedule.revision);
    assert_eq!((edited.lease, edited.next_fire_time, edited.fires), (None, Some(at(0)), 0));
}

pub(crate) async fn a_pause_while_the_schedule_is_acquired_holds(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let schedule = added(&a).await;
    let plan = a.plan(&a.acquire_schedule(at(0)).await, at(0));

    a.edit(&schedule.id, pause(), at(1)).await;
    let released = a.release_schedules(vec![plan], at(1)).await;

    assert_eq!(released.lost, [schedule_id("s")]);
    assert_eq!(a.schedule(&schedule.id).await.state, ScheduleState::Paused);
}

pub(crate) async fn an_edited_schedule_can_be_acquired_at_once(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let b = Process::start(harness, "b").await;
    let schedule = added(&a).await;
    let stale = a.acquire_schedule(at(0)).await;

    a.edit(&schedule.id, ScheduleEdit::default(), at(1)).await;
    let fresh = b.acquire_schedule(at(1)).await;

    assert!(fresh.schedule.token > stale.schedule.token);
    assert_eq!(a.release_schedules(vec![a.plan(&stale, at(1))], at(1)).await.lost, [schedule_id("s")]);
    assert_eq!(b.release_schedules(vec![b.plan(&fresh, at(1))], at(1)).await.lost, []);
    assert_eq!(b.job_ids().await.len(), 1, "one job for the fire time");
}

pub(crate) async fn another_trigger_revives_a_quarantined_schedule(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let schedule = added(&a).await;
    let mut release = a.plan(&a.acquire_schedule(at(0)).await, at(0));
    release.jobs.clear();
    release.advance = ScheduleAdvance::Quarantine("the calendar is gone".into());
    a.release_schedules(vec![release], at(0)).await;

    a.edit(&schedule.id, trigger(DateTrigger::at(at(20))), at(5)).await;

    assert_eq!(a.schedule(&schedule.id).await.state, ScheduleState::Active);
    assert_eq!(a.acquire_schedule(at(20)).await.schedule.next_fire_time, Some(at(20)));
}
