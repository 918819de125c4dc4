//! What other processes hear, in which order, and what they do not.

use apsched_core::event::{Event, EventInterest, EventType, JobProgressed, JobReleased, ScheduleQuarantined};
use apsched_core::{JobOutcome, MAX_ID_BYTES};

use crate::conformance::broker::BrokerHarness;
use crate::conformance::broker::listener::{
    every_type, let_it_learn_that_nobody_listens, local, numbered, started, two_processes, until, until_true,
};
use crate::sample::{job_id, schedule_id, scheduler_id, task_id};

pub(crate) async fn events_reach_other_processes(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let mut listener = there.subscribe(EventInterest::ALL);

    here.publish(vec![numbered(1)]);

    assert_eq!(until(&mut listener, &numbered(1)).await, [numbered(1)]);
}

pub(crate) async fn every_type_of_event_arrives_unchanged(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let mut listener = there.subscribe(EventInterest::ALL);
    let published: Vec<_> = every_type().into_iter().chain([numbered(1)]).collect();

    here.publish(published.clone());

    assert_eq!(until(&mut listener, &numbered(1)).await, published);
}

pub(crate) async fn other_processes_hear_events_in_order(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let mut listener = there.subscribe(EventInterest::ALL);

    for number in 0..100 {
        here.publish(vec![numbered(number)]);
    }

    assert_eq!(until(&mut listener, &numbered(99)).await, (0..100).map(numbered).collect::<Vec<_>>());
}

/// A bus that sends a publisher its own messages back must not deliver them twice.
pub(crate) async fn the_publisher_hears_its_own_events_once(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let mut own = here.subscribe(EventInterest::ALL);
    let mut listener = there.subscribe(EventInterest::ALL);

    here.publish(vec![numbered(1), numbered(2)]);
    until(&mut listener, &numbered(2)).await;
    there.publish(vec![numbered(3)]);

    assert_eq!(until(&mut own, &numbered(3)).await, [numbered(1), numbered(2), numbered(3)]);
}

pub(crate) async fn local_events_stay_where_they_are(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let mut own = here.subscribe(EventInterest::ALL);
    let mut listener = there.subscribe(EventInterest::ALL);
    let published = [local(), vec![numbered(1)]].concat();

    here.publish(published.clone());

    assert_eq!(until(&mut listener, &numbered(1)).await, [numbered(1)]);
    assert_eq!(until(&mut own, &numbered(1)).await, published);
}

/// A transport with a limit on the size of a message must split the batch, not lose it.
pub(crate) async fn a_large_batch_arrives_whole(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let mut listener = there.subscribe(EventInterest::ALL);

    here.publish((0..1_000).map(numbered).collect());

    assert_eq!(until(&mut listener, &numbered(999)).await, (0..1_000).map(numbered).collect::<Vec<_>>());
}

pub(crate) async fn what_is_published_before_a_stop_reaches_others(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let mut listener = there.subscribe(EventInterest::ALL);

    here.publish((0..1_000).map(numbered).collect());
    here.stop().await;

    assert_eq!(until(&mut listener, &numbered(999)).await, (0..1_000).map(numbered).collect::<Vec<_>>());
}

pub(crate) async fn a_process_that_stopped_does_not_disturb_the_others(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    started(harness).await.stop().await;
    let mut listener = there.subscribe(EventInterest::ALL);

    here.publish(vec![numbered(1)]);

    assert_eq!(until(&mut listener, &numbered(1)).await, [numbered(1)]);
}

/// Whatever the ids are made of: a format may need several bytes for one character.
pub(crate) async fn the_longest_ids_arrive_unchanged(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let mut listener = there.subscribe(EventInterest::ALL);
    let published: Vec<Event> = ["\"", "\\", "ü", "語", "🦀", "'", "%"]
        .into_iter()
        .map(|character| {
            let longest = character.repeat(MAX_ID_BYTES / character.len());
            let ids = (task_id(&longest), schedule_id(&longest), scheduler_id(&longest));
            JobReleased::new(job_id(), ids.0, Some(ids.1), Some(ids.2), JobOutcome::Success).into()
        })
        .chain([numbered(1)])
        .collect();

    here.publish(published.clone());

    assert_eq!(until(&mut listener, &numbered(1)).await, published);
}

/// A transport with a limit must not let one text hold up everything behind it.
pub(crate) async fn a_reason_that_is_too_long_arrives_cut(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let mut listener = there.subscribe(EventInterest::ALL);
    let reason = "\u{1}ü".repeat(100_000);

    here.publish(vec![ScheduleQuarantined::new(schedule_id("a"), reason.clone()).into(), numbered(1)]);

    let heard = until(&mut listener, &numbered(1)).await;
    let [Event::ScheduleQuarantined(event), _] = &heard[..] else { panic!("two events, not {heard:?}") };
    let beginning = event.reason.trim_end_matches('…');
    assert!(beginning.len() >= 100 && reason.starts_with(beginning), "found {:?}", event.reason);
}

/// So that stores build events of single jobs where somebody listens to them, in whatever process.
pub(crate) async fn what_other_processes_listen_to_becomes_known(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let_it_learn_that_nobody_listens(&here, JobProgressed::INTEREST).await;

    let listener = there.subscribe(JobProgressed::INTEREST);

    until_true("what another process listens to is known", || {
        here.interest().includes(JobProgressed::INTEREST)
    })
    .await;
    drop(listener);
}
