//! `stop`: subscriptions end, after what was published before.

use apsched_core::broker::EventItem;
use apsched_core::event::EventInterest;

use crate::conformance::broker::BrokerHarness;
use crate::conformance::broker::listener::{numbered, started};

pub(crate) async fn subscriptions_end_after_what_was_published_before(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let mut subscription = broker.subscribe(EventInterest::ALL);
    broker.publish(vec![numbered(1), numbered(2)]);

    broker.stop().await;

    assert_eq!(subscription.next().await, Some(EventItem::Event(numbered(1))));
    assert_eq!(subscription.next().await, Some(EventItem::Event(numbered(2))));
    assert_eq!(subscription.next().await, None);
    assert_eq!(subscription.next().await, None, "the end stays the end");
}

pub(crate) async fn a_waiting_reader_is_woken_by_the_stop(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let mut subscription = broker.subscribe(EventInterest::ALL);
    let (is_waiting, waits) = tokio::sync::oneshot::channel();
    let reader = tokio::spawn(async move {
        is_waiting.send(()).expect("the case listens");
        subscription.next().await
    });
    waits.await.expect("the reader starts");

    broker.stop().await;

    assert_eq!(reader.await.expect("the reader ends"), None);
}

pub(crate) async fn publishing_after_the_stop_is_harmless(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let mut subscription = broker.subscribe(EventInterest::ALL);
    broker.stop().await;

    broker.publish(vec![numbered(1)]);

    assert_eq!(subscription.next().await, None);
}

/// Else who subscribes a moment too late would wait for ever.
pub(crate) async fn a_subscription_after_the_stop_has_ended(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    broker.stop().await;

    let mut late = broker.subscribe(EventInterest::ALL);

    assert_eq!(late.next().await, None);
}

/// As by a client that is stopped before it has asked for anything.
pub(crate) async fn a_broker_that_was_never_started_can_be_stopped(harness: &dyn BrokerHarness) {
    let broker = harness.open().await;
    let mut subscription = broker.subscribe(EventInterest::ALL);

    broker.stop().await;

    assert_eq!(subscription.next().await, None);
}
