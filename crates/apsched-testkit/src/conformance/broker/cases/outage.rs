//! The connection to the server is cut, refused, or dead without a sign: brokers come back by themselves, say so, and
//! never hold up who publishes.

use std::sync::Arc;
use std::time::Duration;

use apsched_core::broker::{EventBroker, EventItem, Subscription};
use apsched_core::event::{BrokerHealthChanged, Event, EventInterest, EventType, ScheduleRemoved, TaskAdded};

use crate::conformance::broker::cases::scheduler::{Client, Worker, shared_store};
use crate::conformance::broker::listener::{
    hear_each_other, is_healthy, is_unhealthy, let_it_learn_that_nobody_listens, numbered, received, soon,
    started, two_processes, until, until_health,
};
use crate::conformance::broker::{BrokerHarness, Disturbance};

/// More events than any broker keeps for a server that is gone.
const TOO_MANY: usize = 20_000;

async fn events_flow_again(
    harness: &dyn BrokerHarness,
    here: &Arc<dyn EventBroker>,
    there: &Arc<dyn EventBroker>,
) {
    harness.disturb(Disturbance::Heal).await;
    hear_each_other(here, there).await;
    let mut listener = there.subscribe(ScheduleRemoved::INTEREST);

    here.publish(vec![numbered(1), numbered(2)]);

    assert_eq!(until(&mut listener, &numbered(2)).await, [numbered(1), numbered(2)]);
}

pub(crate) async fn events_flow_again_after_a_cut(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;

    harness.disturb(Disturbance::Cut).await;

    events_flow_again(harness, &here, &there).await;
}

pub(crate) async fn events_flow_again_after_the_server_was_gone(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;

    harness.disturb(Disturbance::Gone).await;
    until_health(&here, is_unhealthy).await;
    until_health(&there, is_unhealthy).await;

    events_flow_again(harness, &here, &there).await;
}

/// Nobody closes the connection, and nobody publishes: a broker that only waits for messages would wait for ever.
pub(crate) async fn events_flow_again_after_a_silence(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    for broker in [&here, &there] {
        let_it_learn_that_nobody_listens(broker, TaskAdded::INTEREST).await;
    }

    harness.disturb(Disturbance::Silence).await;
    until_health(&here, is_unhealthy).await;
    until_health(&there, is_unhealthy).await;

    events_flow_again(harness, &here, &there).await;
}

/// A subscription that is made again must not be there twice.
pub(crate) async fn events_arrive_once_after_many_cuts(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    for _ in 0..5 {
        harness.disturb(Disturbance::Cut).await;
        hear_each_other(&here, &there).await;
    }
    until_health(&here, is_healthy).await;
    until_health(&there, is_healthy).await;
    let mut own = here.subscribe(ScheduleRemoved::INTEREST);
    let mut listener = there.subscribe(ScheduleRemoved::INTEREST);

    here.publish((0..50).map(numbered).collect());

    let mut published: Vec<_> = (0..50).map(numbered).collect();
    assert_eq!(until(&mut listener, &numbered(49)).await, published);
    there.publish(vec![numbered(50)]);
    published.push(numbered(50));
    assert_eq!(until(&mut own, &numbered(50)).await, published);
}

/// What others published meanwhile is lost, so the listener has to be told to look for itself.
pub(crate) async fn subscribers_are_told_of_a_gap(harness: &dyn BrokerHarness) {
    let (_here, there) = two_processes(harness).await;
    let mut listener = there.subscribe(ScheduleRemoved::INTEREST);

    harness.disturb(Disturbance::Gone).await;
    until_health(&there, is_unhealthy).await;
    assert_eq!(received(&mut listener), [], "nothing was missed as long as nothing can come");
    harness.disturb(Disturbance::Heal).await;

    assert_eq!(soon("the gap", listener.next()).await, Some(EventItem::Lagged(0)));
}

pub(crate) async fn each_turn_of_the_health_is_told_once(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let mut turns = broker.subscribe(BrokerHealthChanged::INTEREST);
    assert!(is_healthy(&broker.health()), "a broker is started when it is connected");

    for _ in 0..2 {
        harness.disturb(Disturbance::Gone).await;
        assert!(is_unhealthy(&next_turn(&mut turns).await.health));
        harness.disturb(Disturbance::Heal).await;
        assert!(is_healthy(&next_turn(&mut turns).await.health));
    }

    assert_eq!(received(&mut turns), []);
}

async fn next_turn(turns: &mut Subscription) -> BrokerHealthChanged {
    soon("a turn of the health", async {
        loop {
            match turns.next().await {
                Some(EventItem::Event(Event::BrokerHealthChanged(turn))) => return turn,
                Some(EventItem::Lagged(0)) => {}
                other => panic!("expected a turn of the health, found {other:?}"),
            }
        }
    })
    .await
}

pub(crate) async fn publishing_to_a_server_that_is_gone_neither_waits_nor_fails(harness: &dyn BrokerHarness) {
    let (here, _there) = two_processes(harness).await;
    let mut own = here.subscribe(ScheduleRemoved::INTEREST);
    harness.disturb(Disturbance::Silence).await;

    let mut heard = 0;
    for number in 0..TOO_MANY {
        here.publish(vec![numbered(number)]);
        heard += received(&mut own).len();
    }

    assert_eq!(heard, TOO_MANY, "those of the process itself get events at once, as always");
}

/// A process that can publish to nobody, and one that listens all the time.
async fn one_apart(harness: &dyn BrokerHarness) -> (Arc<dyn EventBroker>, Arc<dyn EventBroker>) {
    let here = started(harness).await;
    let there = harness.open_undisturbed().await;
    soon("the start", there.start()).await.unwrap_or_else(|error| panic!("start fails: {error}"));
    hear_each_other(&here, &there).await;
    harness.disturb(Disturbance::Gone).await;
    until_health(&here, is_unhealthy).await;
    assert!(is_healthy(&there.health()), "this one is left alone");
    (here, there)
}

/// However long the server is gone: memory is not a queue.
pub(crate) async fn what_waits_for_a_server_that_is_gone_is_bounded(harness: &dyn BrokerHarness) {
    let (here, there) = one_apart(harness).await;
    let mut listener = there.subscribe(ScheduleRemoved::INTEREST);

    for number in 0..TOO_MANY {
        here.publish(vec![numbered(number)]);
    }
    harness.disturb(Disturbance::Heal).await;

    let (arrived, _) = heard_until_published_again(&here, &mut listener).await;
    assert!(arrived < TOO_MANY, "all of them had been kept");
}

/// A listener that was never cut off must learn all the same that something is missing.
pub(crate) async fn what_is_given_up_in_an_outage_is_told_to_others(harness: &dyn BrokerHarness) {
    let (here, there) = one_apart(harness).await;
    let mut listener = there.subscribe(ScheduleRemoved::INTEREST);

    for number in 0..TOO_MANY {
        here.publish(vec![numbered(number)]);
    }
    harness.disturb(Disturbance::Heal).await;

    let (arrived, losses) = heard_until_published_again(&here, &mut listener).await;
    assert!(losses > 0, "{arrived} of {TOO_MANY} have arrived, and nobody was told of the rest");
}

/// How many events and how many losses there are before one that is published when the connection is back.
async fn heard_until_published_again(
    here: &Arc<dyn EventBroker>,
    listener: &mut Subscription,
) -> (usize, usize) {
    let (mut arrived, mut losses) = (0, 0);
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    soon("an event that is published afterwards", async {
        loop {
            tokio::select! {
                _ = looks.tick() => if is_healthy(&here.health()) { here.publish(vec![numbered(TOO_MANY)]) },
                item = listener.next() => match item {
                    Some(EventItem::Event(event)) if event == numbered(TOO_MANY) => return (arrived, losses),
                    Some(EventItem::Event(_)) => arrived += 1,
                    _ => losses += 1,
                },
            }
        }
    })
    .await
}

pub(crate) async fn starting_without_a_server_succeeds_and_connects_later(harness: &dyn BrokerHarness) {
    harness.disturb(Disturbance::Gone).await;
    let (here, there) = (harness.open().await, harness.open().await);

    assert_eq!(soon("the start", here.start()).await, Ok(()));
    assert_eq!(soon("the start", there.start()).await, Ok(()));
    assert!(is_unhealthy(&here.health()));

    events_flow_again(harness, &here, &there).await;
    until_health(&here, is_healthy).await;
}

pub(crate) async fn stopping_without_a_server_ends(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    harness.disturb(Disturbance::Gone).await;
    until_health(&broker, is_unhealthy).await;
    let mut subscription = broker.subscribe(EventInterest::ALL);
    broker.publish(vec![numbered(1)]);

    soon("the stop", broker.stop()).await;

    assert_eq!(subscription.next().await, Some(EventItem::Event(numbered(1))));
    assert_eq!(subscription.next().await, None);
}

pub(crate) async fn stopping_in_a_silence_ends(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    harness.disturb(Disturbance::Silence).await;
    broker.publish(vec![numbered(1)]);

    soon("the stop", broker.stop()).await;

    let mut late = broker.subscribe(EventInterest::ALL);
    assert_eq!(late.next().await, None);
}

/// The wake-up is lost, and the next poll is an hour away: the gap makes the scheduler look.
pub(crate) async fn a_job_added_during_an_outage_starts_after_it(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let store = shared_store();
    let mut worker = Worker::start(&store, &there).await;
    let client = Client::new(&store, &here);
    harness.disturb(Disturbance::Gone).await;
    until_health(&there, is_unhealthy).await;

    // Where the one who adds it is gone for good, nobody tells of it later.
    here.stop().await;
    client.add(7).await;
    harness.disturb(Disturbance::Heal).await;

    assert_eq!(worker.ran().await, 7);
    worker.stop().await;
}
